"""Every edit equals the same edit made with plain hooks in `transformers`, undoes itself where it should, and stays with its thread."""

import math
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack

import pytest
import torch
import torch.nn.functional as F
from transformers import GPT2LMHeadModel

from gptviz import edits, run, tokenizer, trace
from sample_models import mini, tiny
from twin import transformers_twin

IDS = tokenizer.encode("The letter was sealed. She opened the")
CAT = tokenizer.encode("The cat sat by the fire, and")
ROW = "-".join(map(str, CAT))
BLOCK, HEAD, SIZE = 2, 4, 32  # counted from 0; of a head of mini
LOOKED = ("drop_emb", "blocks.0.att.dropped", "blocks.1.norm1", "blocks.1.shortcut2", "logits")  # of every thread's passes
Hook = Callable[[GPT2LMHeadModel], list]


@pytest.fixture(scope="module")
def peer():
    return transformers_twin()


def mean(x):
    return x.mean(-2, keepdim=True).expand_as(x)


def layer(theirs, block=BLOCK):
    return theirs.transformer.h[block]


def columns(change, first, size):
    """What goes into a projection, some of its columns changed."""

    def hook(module, given):
        x = given[0].clone()
        x[..., first : first + size] = change(x[..., first : first + size])
        return (x,)

    return hook


def head(change) -> Hook:
    return lambda theirs: [layer(theirs).attn.c_proj.register_forward_pre_hook(columns(change, HEAD * SIZE, SIZE))]


def unit(change) -> Hook:
    return lambda theirs: [layer(theirs).mlp.c_proj.register_forward_pre_hook(columns(change, 17, 1))]


def made(part: str, change) -> Hook:
    """What a sublayer hands on."""

    def hook(module, given, out):
        return (change(out[0]), *out[1:]) if isinstance(out, tuple) else change(out)

    return lambda theirs: [getattr(layer(theirs), part).register_forward_hook(hook)]


def skipped(find) -> Hook:
    """A module that hands on what it is given."""
    return lambda theirs: [find(theirs).register_forward_hook(lambda module, given, out: given[0])]


def after_sum(theirs, block, norm, part, change) -> list:
    """What the sum of a shortcut becomes: change(the stream before, what the sublayer made)."""
    kept = {}

    def before(module, given):
        kept["x"] = given[0]

    def hook(module, given, out):
        first = out[0] if isinstance(out, tuple) else out
        new = change(kept["x"], first) - kept["x"]
        return (new, *out[1:]) if isinstance(out, tuple) else new

    one = layer(theirs, block)
    return [getattr(one, norm).register_forward_pre_hook(before), getattr(one, part).register_forward_hook(hook)]


def post_norm(theirs) -> list:
    hooks = skipped(lambda theirs: theirs.transformer.ln_f)(theirs)
    for block in range(mini().config.n_layer):
        for norm, part in (("ln_1", "attn"), ("ln_2", "mlp")):
            own = getattr(layer(theirs, block), norm)
            hooks += after_sum(
                theirs,
                block,
                norm,
                part,
                lambda x, made, own=own: F.layer_norm(x + made, own.normalized_shape, own.weight, own.bias, own.eps),
            )
            hooks += skipped(lambda theirs, own=own: own)(theirs)
    return hooks


def attention(shares) -> Hook:
    """One block's attention by hand: shares(scores undivided, (1, head, query, key); True where hidden) -> weights."""

    def hooked(theirs):
        kept = {}

        def keep(module, given, out):
            kept["qkv"] = [x.unflatten(-1, (-1, SIZE)).transpose(1, 2) for x in out.split(out.shape[-1] // 3, -1)]

        def hook(module, given):
            query, key, value = kept["qkv"]
            hidden = torch.ones(query.shape[2], query.shape[2], dtype=torch.bool).triu(1)
            return ((shares(query @ key.mT, hidden) @ value).transpose(1, 2).flatten(2),)

        part = layer(theirs).attn
        return [part.c_attn.register_forward_hook(keep), part.c_proj.register_forward_pre_hook(hook)]

    return hooked


def usual(scores, hidden):
    return (scores / math.sqrt(SIZE)).masked_fill(hidden, -math.inf).softmax(-1)


def even(scores, hidden):
    found = usual(scores, hidden)
    found[:, HEAD] = (~hidden).float() / (~hidden).sum(-1, keepdim=True)
    return found


def one_weight(value):
    def shares(scores, hidden):
        found = usual(scores, hidden)
        found[:, HEAD, 6, 1] = value
        return found

    return shares


def position(rows) -> Hook:
    return lambda theirs: [theirs.transformer.wpe.register_forward_hook(lambda module, given, out: rows(module, out))]


def patched(theirs) -> list:
    row = theirs(torch.tensor([CAT]), output_hidden_states=True, use_cache=False).hidden_states[BLOCK + 1][0, 5]

    def hook(module, given, out):
        x = (out[0] if isinstance(out, tuple) else out).clone()
        x[:, 5] = row
        return (x, *out[1:]) if isinstance(out, tuple) else x

    return [layer(theirs).register_forward_hook(hook)]


class Put:
    """A learned number set to 0 until it is put back."""

    def __init__(self, weight, row, column):
        self.place, self.kept = weight[row, column : column + 1], float(weight[row, column])
        self.place.fill_(0)

    def remove(self):
        self.place.fill_(self.kept)


def number(find, row, column) -> Hook:
    return lambda theirs: [Put(find(theirs).weight.detach(), row, column)]


BY_HOOKS: dict[str, Hook] = {
    "entry:3.query.17.4": number(lambda theirs: layer(theirs).attn.c_attn, 17, 4),
    "entry:3.key.17.4": number(lambda theirs: layer(theirs).attn.c_attn, 17, 256 + 4),
    "entry:3.value.17.4": number(lambda theirs: layer(theirs).attn.c_attn, 17, 512 + 4),
    "entry:3.output.17.4": number(lambda theirs: layer(theirs).attn.c_proj, 17, 4),
    "entry:3.expand.17.40": number(lambda theirs: layer(theirs).mlp.c_fc, 17, 40),
    "entry:3.contract.40.17": number(lambda theirs: layer(theirs).mlp.c_proj, 40, 17),
    "table:3850.17": number(lambda theirs: theirs.transformer.wte, 3850, 17),
    "head:3.5": head(torch.zeros_like),
    "head:3.5:mean": head(mean),
    "head:3.5:even": attention(even),
    "no-mask:3": attention(lambda scores, hidden: (scores / math.sqrt(SIZE)).softmax(-1)),
    "zero-mask:3": attention(lambda scores, hidden: (scores / math.sqrt(SIZE)).masked_fill(hidden, 0.0).softmax(-1)),
    "no-scale:3": attention(lambda scores, hidden: usual(scores * math.sqrt(SIZE), hidden)),
    "weight:3.5.6.1": attention(one_weight(0.0)),
    "weight:3.5.6.1:0.75": attention(one_weight(0.75)),
    "attention:3": made("attn", torch.zeros_like),
    "attention:3:mean": made("attn", mean),
    "feed-forward:3": made("mlp", torch.zeros_like),
    "feed-forward:3:mean": made("mlp", mean),
    "unit:3.17": unit(torch.zeros_like),
    "unit:3.17:mean": unit(mean),
    "norm:3.1": skipped(lambda theirs: layer(theirs).ln_1),
    "norm:3.2": skipped(lambda theirs: layer(theirs).ln_2),
    "norm:final": skipped(lambda theirs: theirs.transformer.ln_f),
    "post-norm": post_norm,
    "shortcut:3.1": lambda theirs: after_sum(theirs, BLOCK, "ln_1", "attn", lambda x, made: made),
    "shortcut:3.2": lambda theirs: after_sum(theirs, BLOCK, "ln_2", "mlp", lambda x, made: made),
    "block:3": skipped(layer),
    "position": position(lambda table, out: torch.zeros_like(out)),
    "position:mean": position(lambda table, out: mean(out)),
    "position:9": position(lambda table, out: table.weight[9 : 9 + len(IDS)][None]),
    f"row:3.5:{ROW}": patched,
}


def theirs_with(peer, *hooks: Hook) -> torch.Tensor:
    with ExitStack() as stack:
        for one in hooks:
            for handle in one(peer):
                stack.callback(handle.remove)
        return peer(torch.tensor([IDS]), use_cache=False).logits


@pytest.mark.parametrize("name", BY_HOOKS)
def test_an_edit_is_the_same_edit_made_with_hooks_in_transformers(name, peer):
    ours, hooked, plain = run(mini(), IDS, edits=[name])["logits"], theirs_with(peer, BY_HOOKS[name]), theirs_with(peer)
    torch.testing.assert_close(ours, hooked, rtol=0, atol=2e-4 * float(hooked.abs().max()))
    far = 2 if name.startswith("entry") else 20  # one of ten thousand numbers does little
    assert (hooked - plain).abs().max() > far * (ours - hooked).abs().max(), "it does far more than rounding"


def test_several_edits_are_the_same_hooks_together(peer):
    names = ["head:3.5", "norm:3.2", "position:mean"]
    hooked = theirs_with(peer, *(BY_HOOKS[name] for name in names))
    torch.testing.assert_close(run(mini(), IDS, edits=names)["logits"], hooked, rtol=0, atol=1e-4 * float(hooked.abs().max()))


def test_every_kind_and_way_is_held_against_hooks():
    named = {(edit.kind, edit.how) for name in BY_HOOKS for edit in edits.parse(name)}
    assert {kind for kind, _ in named} == set(edits.KINDS)
    for kind, known in edits.KINDS.items():
        assert {how for one, how in named if one == kind} >= set(known.hows) - {"rows", "" if kind == "row" else None}


def test_an_edit_with_the_models_own_tensor_changes_nothing():
    plain = trace.run(tiny(), IDS)
    for point in plain.tensors:
        if point != "ids":
            same = trace.run(tiny(), IDS, edits=[(point, plain.tensors[point])], points=["logits", point])
            assert torch.equal(same.tensors[point], plain.tensors[point]) and torch.equal(same["logits"], plain["logits"]), (
                point
            )


@pytest.mark.parametrize("name", BY_HOOKS)
def test_the_same_edit_twice_is_once(name):
    once, twice = (trace.run(mini(), IDS, edits=[name] * times, points=["logits"]) for times in (1, 2))
    assert once.edits == twice.edits and torch.equal(once.tensors["logits"], twice.tensors["logits"])


def test_four_threads_with_different_edits_dropout_and_plain_are_not_mixed():
    model, ids = tiny(), IDS[:4]
    jobs = [
        {"edits": ["head:1.2", "norm:2.1"]},
        {"edits": [f"row:1.3:{ROW}"], "dropout": 0.3, "seed": 4},
        {"dropout": 0.3, "seed": 4},
        {},
    ]
    expected = [trace.run(model, ids, **options) for options in jobs]
    assert len({float(one["logits"].sum()) for one in expected}) == 4
    wrong, done, barrier = [], [], threading.Barrier(4)

    def reader(number):
        barrier.wait()
        for turn in range(100):
            one = (number + turn) % 4  # every thread runs each of them
            found = trace.run(model, ids, **jobs[one])
            done.append(one)
            if found.edits != expected[one].edits or any(
                not torch.allclose(found.tensors[name], expected[one].tensors[name], rtol=0, atol=1e-6) for name in LOOKED
            ):
                wrong.append(one)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # change threads in the middle of passes, as often as possible
    try:
        readers = [threading.Thread(target=reader, args=(number,)) for number in range(4)]
        for one in readers:
            one.start()
        for one in readers:
            one.join()
    finally:
        sys.setswitchinterval(interval)
    assert len(done) == 400 and wrong == []
