"""Every number of a trace comes out again from its operands, in words, in LaTeX and in code."""

import math
import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from gptviz import catalogue, hooks, recompute, tokenizer, trace, verbatim
from gptviz.config import PRESETS
from gptviz.model import GPT
from gptviz.seen import Seen
from gptviz.stages import STAGES, source

TEXTS = ("Every effort moves you", "The cat saw_5% {of} it")
CELLS = 8  # random cells per point


@cache
def build(key: str) -> GPT:
    """mini as it ships; tiny ones with no parameter at its starting value, so that scales, shifts and biases count."""
    if key == "mini":
        return catalogue.load("mini")
    config = replace(PRESETS["tiny"], qkv_bias=key == "tiny", tied_head=key == "tiny")
    model = GPT(config).requires_grad_(False)
    generator = torch.Generator().manual_seed(5)
    for parameter in model.parameters():
        parameter.normal_(0.1, 0.4, generator=generator)
    return model.eval()


@cache
def traced(key: str, length: int, dropout: float) -> trace.Trace:
    """One sentence of one token, or two of `length` tokens each, side by side."""
    rows = [(tokenizer.encode(text) * 2)[:length] for text in TEXTS]
    return trace.run(build(key), rows[:1] if length == 1 else rows, dropout=dropout, seed=3)


def shape(run: trace.Trace, name: str) -> tuple[int, ...]:
    """The shape of a point or a derived one."""
    config, (batch, tokens) = run.config, run.ids.shape
    kind, _, at = name.partition(":")
    if kind == "cosine":
        return (*run[at].shape[:-1], tokens)
    if kind in ("normalised", "mask"):
        return tuple(run[at].shape)
    return {
        "head_out": (batch, tokens, config.n_head + 2, config.n_embd),
        "weighted_value": (batch, config.n_head, tokens, tokens, config.head_size),
        "unit_out": (batch, tokens, config.hidden_size, config.n_embd),
        "stream": (batch, tokens, config.n_layer + 1, config.n_embd),
        "probabilities": (batch, tokens, config.vocab_size),
        "exponential": (batch, tokens, config.vocab_size),
        "logit_part": (batch, tokens, config.vocab_size, config.n_embd),
        "moments": (batch, tokens, 2),
    }.get(kind) or tuple(run[name].shape)


def derived(run: trace.Trace) -> list[str]:
    last = run.config.n_layer - 1
    return [
        "cosine:tok_emb",
        "cosine:pos_emb",
        "cosine:final_norm",
        f"cosine:blocks.{last}.att.value",
        f"cosine:blocks.{last}.ff.active",
        "normalised:blocks.0.norm1",
        f"normalised:blocks.{last}.norm2",
        "normalised:final_norm",
        "moments:blocks.0.norm1",
        f"moments:blocks.{last}.norm2",
        "moments:final_norm",
        "mask:drop_emb",
        f"mask:blocks.{last}.att.dropped",
        "mask:blocks.0.drop1",
        f"mask:blocks.{last}.drop2",
        *(f"{kind}:blocks.{block}" for kind in ("head_out", "weighted_value", "unit_out") for block in range(last + 1)),
        "probabilities",
        "exponential",
        "logit_part",
        "stream",
    ]


def close(a: float, b: float) -> bool:
    return a == b or math.isnan(a) and math.isnan(b) or abs(a - b) <= 1e-4 * max(1.0, abs(b))


def evaluate(found: recompute.Recomputation, run: trace.Trace) -> float:
    known = {"trace": run, "model": run.model, "torch": torch, "F": F, "math": math, "noise": hooks.noise}
    return float(eval(found.code, known))


def printed(number: str) -> float:
    """A number of our LaTeX, read back."""
    named = {r"\infty": math.inf, r"-\infty": -math.inf, r"\text{undefined}": math.nan}
    if number in named:
        return named[number]
    return float(re.sub(r"10\^\{(-?\d+)\}", r"1e\1", number).replace(r" \times 1e", "e"))


def balanced(latex: str) -> bool:
    depth = 0
    for char in re.sub(r"\\[{}\\]", "", latex):
        depth += {"{": 1, "}": -1}.get(char, 0)
        if depth < 0:
            return False
    return depth == 0 and latex.count(r"\left") == latex.count(r"\right") and "$" not in latex


def check(run: trace.Trace, name: str, index: tuple[int, ...]) -> recompute.Recomputation:
    found = recompute.recompute(run, name, index)
    about = f"{name}{index}: shown {found.shown}, recomputed {found.value}, {found.numbers}, {found.code}"
    assert (found.point, found.index, found.edited) == (name, index, False)
    if name in run.tensors:
        assert found.shown == float(run[name][index])
    assert close(found.shown, found.value) and (found.difference <= 1e-4 * max(1.0, abs(found.value))), about
    assert close(evaluate(found, run), found.shown), about
    assert balanced(found.formula) and balanced(found.numbers), about
    assert "\n" not in found.sentence and found.sentence[0].isupper() and found.sentence.endswith("."), about
    total = found.numbers.rsplit(" = ", 1)[1]
    assert total == recompute.number(found.value), about
    assert math.isnan(found.value) or printed(total) == pytest.approx(found.value, rel=5.01e-4, abs=1e-300), about
    assert found.operands and {len(column) for column in found.operands.values()} == {len(found.names)}, about
    assert all(column.dtype == np.float64 for column in found.operands.values()), about
    return found


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("length", [1, 5])
@pytest.mark.parametrize("key", ["tiny", "mini", "tiny, no qkv bias, own head"])
def test_every_point_comes_out_again(key, length, dropout):
    run = traced(key, length, dropout)
    random = np.random.default_rng(11)
    assert set(run.tensors) == set(run.model.points)
    for name in [*run.model.points, *derived(run)]:
        size = shape(run, name)
        cells = {tuple(n - 1 for n in size), *(tuple(random.integers(size).tolist()) for _ in range(CELLS - 1))}
        for index in cells:
            check(run, name, index)


def test_every_derived_name_is_known():
    run = traced("tiny", 5, 0.3)
    known = set(recompute.known_points(recompute.axes_by_name(run)))
    assert known > {*run.model.points, *derived(run)}
    for name in known:
        check(run, name, (0,) * len(shape(run, name)))


def test_each_part_of_the_heads_sum():
    run = traced("tiny", 5, 0.0)
    heads = run.config.n_head
    rows = [check(run, "head_out:blocks.1", (1, 2, row, 7)) for row in range(heads + 2)]
    assert sum(found.value for found in rows[:-1]) == pytest.approx(rows[-1].value, rel=1e-12)
    assert rows[-1].shown == float(run["blocks.1.att_out"][1, 2, 7])


@pytest.mark.parametrize(
    "name", ["att.query", "att.scores", "att.context", "att_out", "ff.hidden", "ff_out", "input_emb", "shortcut1", "logits"]
)
def test_the_last_column_of_a_sum_adds_up_to_the_value(name):
    run = traced("tiny", 5, 0.3)
    name = name if name in run.tensors else f"blocks.1.{name}"
    found = check(run, name, tuple(n - 1 for n in run[name].shape))
    assert list(found.operands.values())[-1].sum() == pytest.approx(found.value, rel=1e-9)


def test_a_long_sum_shows_its_largest_terms_and_counts_the_rest():
    run = traced("mini", 5, 0.0)
    found = check(run, "logits", (0, 4, 262))
    shown = re.findall(r"(\(?-?[\d.]+\)?) \\cdot (\(?-?[\d.]+\)?)", found.numbers)
    products = [float(a.strip("()")) * float(b.strip("()")) for a, b in shown]
    expected = sorted(found.operands["product"], key=abs, reverse=True)[:3]
    assert products == pytest.approx(expected, rel=1e-2)
    rest = re.search(r"_\{253 \\text\{ more: \} (.+?)\}", found.numbers)[1]
    assert printed(rest) == pytest.approx(found.value - sum(expected), rel=1e-3)


def test_masked_cells():
    run = traced("mini", 5, 0.3)
    masked = check(run, "blocks.2.att.masked", (0, 3, 1, 4))
    assert masked.shown == masked.value == -math.inf and masked.difference == 0
    assert "comes after" in masked.sentence and masked.numbers.endswith(r"= -\infty")
    weight = check(run, "blocks.2.att.weights", (0, 3, 1, 4))
    assert weight.value == 0 and "masked" in weight.sentence
    assert [name.split()[0] for name in weight.names] == ["0", "1", "4"]
    assert check(run, "blocks.2.att.dropped", (0, 3, 1, 4)).value == 0
    assert check(run, "blocks.2.att.weights", (0, 3, 0, 0)).value == 1
    assert len(check(run, "blocks.2.att.context", (0, 3, 1, 0)).names) == 2


@pytest.mark.parametrize("point", ["drop_emb", "blocks.0.att.dropped", "blocks.1.drop1", "blocks.1.drop2"])
def test_dropout_says_what_the_noise_decided(point):
    run = traced("tiny", 5, 0.3)
    factors = run.factors(point)
    for kept in (True, False):
        index = tuple(np.argwhere((factors > 0) == kept)[3].tolist())
        found, mask = check(run, point, index), check(run, f"mask:{point}", index)
        assert mask.shown == factors[index]
        said = found.sentence.lower()
        assert ("kept by dropout" in said, "zeroed by dropout" in said) == (kept, not kept)
        assert (r"\ge 0.3" in found.numbers) == kept and ("< 0.3" in found.numbers) != kept
        assert (found.operands["number"][1] >= 0.3) == kept
    off = check(traced("tiny", 5, 0.0), point, index)
    assert "off" in off.sentence and off.shown == off.value


def test_noise_close_to_the_rate_is_printed_with_as_many_digits_as_it_takes():
    run = traced("tiny", 5, 0.0)
    u = hooks.noise(run["drop_emb"].shape, 3, 0)[0, 0, 0].item()
    near = trace.run(run.model, run.ids, dropout=u + 1e-6, seed=3)
    found = check(near, "drop_emb", (0, 0, 0))
    left, right = re.match(r"u = (\S+) < (\S+?):", found.numbers).groups()
    assert float(left) < float(right)


def test_the_stream_is_the_point_it_stands_for():
    run = traced("tiny", 5, 0.3)
    for row, point in enumerate(["drop_emb", "blocks.0.shortcut2", "blocks.1.shortcut2"]):
        found, same = check(run, "stream", (1, 2, row, 9)), check(run, point, (1, 2, 9))
        assert (found.shown, found.value, found.code) == (same.shown, same.value, same.code)


def test_queries_keys_and_values_name_their_column():
    run = traced("mini", 5, 0.0)
    for third, name in enumerate(("query", "key", "value")):
        found = check(run, f"blocks.3.att.{name}", (1, 2, 4, 7))
        column = 256 * third + 2 * 32 + 7
        assert f"column {column} " in found.sentence and f"weight[:, {column}]" in found.code
        assert "Block 4, head 3" in found.sentence and found.names[-1] == "bias"
    bare = check(traced("tiny, no qkv bias, own head", 5, 0.0), "blocks.0.att.key", (0, 0, 0, 0))
    assert "bias" not in bare.code + bare.sentence + bare.names[-1] and bare.formula.count("+ b") == 0


def test_logits_name_the_table_they_read():
    assert "model.tok_emb.weight[7]" in check(traced("tiny", 5, 0.0), "logits", (0, 0, 7)).code
    assert "model.out_head.weight[7]" in check(traced("tiny, no qkv bias, own head", 5, 0.0), "logits", (0, 0, 7)).code


def test_probabilities_list_the_top_words_the_asked_one_and_the_rest_as_one():
    run = traced("mini", 5, 0.0)
    found = check(run, "probabilities", (0, 4, 40000))
    raised = found.operands["exp(logit - max)"]
    assert len(found.names) == 22 and found.names[-1] == "the other 50,236 words" and found.names[-2].startswith("40000 ")
    assert raised[-2] / raised.sum() == pytest.approx(found.value, rel=1e-9)
    assert math.isnan(found.operands["logit"][-1]) and np.isfinite(found.operands["logit"][:-1]).all()
    best = int(run["logits"][0, 4].argmax())
    assert check(run, "probabilities", (0, 4, best)).names[0] == f"{best} {tokenizer.printable(best)}"


def test_an_edit_is_named_where_it_replaced_the_number():
    ids = tokenizer.encode(TEXTS[0])
    model = build("tiny")

    def first_head_off(x):
        return torch.cat([torch.zeros_like(x[:, :1]), x[:, 1:]], dim=1)

    run = trace.run(model, ids, edits=[("blocks.0.att.context", first_head_off), ("blocks.1.att_out", torch.ones(1, 4, 16))])
    off = recompute.recompute(run, "blocks.0.att.context", (0, 0, 2, 3))
    assert off.edited and off.shown == 0 and off.difference > 0 and "edit replaced" in off.sentence
    kept = recompute.recompute(run, "blocks.0.att.context", (0, 1, 2, 3))
    assert not kept.edited and close(kept.shown, kept.value) and "leaves this number" in kept.sentence
    check(run, "blocks.0.att.concat", (0, 2, 3))  # what comes after the edit still comes out of its operands
    check(run, "blocks.0.att_out", (0, 2, 3))
    total = recompute.recompute(run, "head_out:blocks.1", (0, 2, 3, 5))
    assert total.edited and total.shown == 1 and "edit replaced" in total.sentence
    check(run, "head_out:blocks.1", (0, 2, 0, 5))
    stream = trace.run(model, ids, edits=[("blocks.0.shortcut2", torch.zeros(1, 4, 16))])
    assert recompute.recompute(stream, "stream", (0, 2, 1, 5)).edited


def test_edited_ids_are_looked_up_as_they_went_in():
    run = trace.run(build("tiny"), tokenizer.encode(TEXTS[0]), edits=[("ids", torch.tensor([[1, 2, 3, 4]]))])
    assert recompute.recompute(run, "ids", (0, 2)).edited
    assert "row 3 " in check(run, "tok_emb", (0, 2, 5)).sentence


def test_a_mask_switched_off_reads_every_key():
    run = trace.run(build("tiny"), tokenizer.encode(TEXTS[0]), edits=[("blocks.0.att.masked", torch.zeros(1, 2, 4, 4))])
    found = check(run, "blocks.0.att.weights", (0, 0, 0, 3))
    assert found.value == 0.25 and len(found.names) == 4
    assert len(check(run, "blocks.0.att.context", (0, 0, 0, 3)).names) == 4


def test_rows_that_are_all_zero_have_no_direction():
    run = trace.run(build("tiny"), tokenizer.encode(TEXTS[0]), edits=[("tok_emb", torch.zeros(1, 4, 16))])
    found = check(run, "cosine:tok_emb", (0, 1, 2))
    assert math.isnan(found.value) and found.difference == 0 and found.numbers.endswith(r"\text{undefined}")


@pytest.mark.parametrize(
    "point, index, numbers",
    [
        ("blocks.0.att.query", (0, 2, 0, 0), ("2", "0 to 1")),
        ("blocks.0.att.scores", (0, 0, 5, 0), ("5", "0 to 4")),
        ("logits", (0, 0, 50257), ("50257", "0 to 50256")),
        ("tok_emb", (0, -1, 0), ("-1", "0 to 4")),
        ("cosine:pos_emb", (0, 5), ("5", "0 to 4")),
        ("stream", (0, 0, 3, 0), ("3", "0 to 2")),
        ("head_out:blocks.0", (0, 0, 4, 0), ("4", "0 to 3")),
        ("tok_emb", (0, 0), ("3 axes", "has 2")),
        ("cosine:pos_emb", (0, 0, 0), ("2 axes", "has 3")),
    ],
)
def test_an_index_outside_names_both_numbers(point, index, numbers):
    with pytest.raises(IndexError) as error:
        recompute.recompute(traced("tiny", 5, 0.0), point, index)
    assert all(number in str(error.value) for number in numbers), error.value


@pytest.mark.parametrize(
    "point, near",
    [
        ("blocks.0.att.score", "blocks.0.att.scores"),
        ("blocks.2.norm1", "blocks.1.norm1"),
        ("cosine:tokemb", "cosine:tok_emb"),
        ("cosine:logits", "cosine:"),
        ("normalised:blocks.0.att_out", "normalised:blocks.0"),
        ("mask:blocks.0.ff_out", "mask:blocks.0"),
        ("head_out:blocks.2", "head_out:blocks.1"),
        ("probability", "probabilities"),
    ],
)
def test_an_unknown_point_gets_the_nearest_names(point, near):
    with pytest.raises(KeyError) as error:
        recompute.recompute(traced("tiny", 5, 0.0), point, (0, 0, 0))
    assert repr(point) in str(error.value.args[0]) and near in str(error.value.args[0]).partition("did you mean")[2]


@pytest.mark.parametrize(
    "point, index, missing",
    [
        ("blocks.0.att.scores", (0, 0, 1, 1), "blocks.0.att.query"),
        ("blocks.0.norm1", (0, 1, 1), "drop_emb"),
        ("logits", (0, 1, 1), "final_norm"),
    ],
)
def test_an_operand_that_was_not_kept_is_named(point, index, missing):
    run = trace.run(build("tiny"), tokenizer.encode(TEXTS[0]), points=[point])
    with pytest.raises(KeyError, match=f"{missing} was not kept"):
        recompute.recompute(run, point, index)
    with pytest.raises(KeyError, match="blocks.1.att_out was not kept"):
        recompute.recompute(run, "blocks.1.att_out", (0, 0, 0))


def test_any_token_is_safe_in_latex():
    ids = tokenizer.encode("\\ {x} $5 100% A&B #1 _ ^ ~ -- ``it'' \n\t é 猫 🙂")
    run = trace.run(build("tiny"), ids, points=["ids"])
    for row in range(len(ids)):
        found = check(run, "ids", (0, row))
        inside = re.match(r"\\mathrm\{vocabulary\}\[\\text\{(.*)\}\] = \d+$", found.numbers)[1]
        assert not re.search(r"(?<!\\)[$%&#_^~]", inside) and "--" not in inside
        assert bytes(found.operands["byte"].astype(int).tolist()) == tokenizer.token_bytes(ids[row])
    assert verbatim.latex("\\{}$_^~") == (
        r"{\textbackslash}{\textbraceleft}{\textbraceright}{\textdollar}{\textunderscore}{\textasciicircum}{\textasciitilde}"
    )


@pytest.mark.parametrize(
    "x, latex",
    [
        (0.0, "0"),
        (-0.0, "0"),
        (0.123456, "0.1235"),
        (-12.3456, "-12.35"),
        (50256.0, "50256"),
        (1e-5, "10^{-5}"),
        (-1e-5, "-10^{-5}"),
        (1.2344e-7, r"1.234 \times 10^{-7}"),
        (123456.7, r"1.235 \times 10^{5}"),
        (-math.inf, r"-\infty"),
        (math.nan, r"\text{undefined}"),
    ],
)
def test_numbers_in_latex(x, latex):
    assert recompute.number(x) == latex


def test_lines_of_the_model():
    with open(source.model.__file__, encoding="utf-8") as file:
        text = file.read().splitlines()
    attention, block = source.lines(("self.hook_weights(", "self.hook_norm1(self"))
    assert (attention.title, block.title) == ("Attention.forward", "Block.forward")
    for found, fragment in ((attention, "self.hook_weights("), (block, "self.hook_norm1(self")):
        shown = found.text.split("\n")
        assert shown[0].startswith("def forward(") and shown[-1].startswith("    return ")
        assert [line.strip() for line in shown] == [line.strip() for line in text[found.start - 1 :][: len(shown)]]
        (marked,) = found.marked
        assert fragment in text[marked - 1] and fragment in shown[marked - found.start]


def test_fragments_of_one_function_come_together():
    (found,) = source.lines(["self.hook_scores(", "self.hook_scaled("])
    assert found.title == "Attention.forward" and len(found.marked) == 2 and found.marked[0] < found.marked[1]


def test_a_decorated_function_starts_at_its_decorator():
    (found,) = source.lines([".triu(1)"])
    assert found.title == "Attention.future" and found.text.startswith("@staticmethod\ndef future(")


@pytest.mark.parametrize("fragment", ["self.hook_nothing(", "class LayerNorm", "import math", ""])
def test_a_fragment_in_no_function_is_refused(fragment):
    with pytest.raises(ValueError, match="no function of model.py"):
        source.lines([fragment])


def test_every_stage_points_at_lines_that_exist():
    for stage in STAGES:
        assert all(found.marked for found in source.lines(stage.lines)), stage.key


@pytest.mark.parametrize(
    "key, length, dropout, present", [("mini", 1, 0.0, False), ("mini", 5, 0.3, False), ("tiny", 5, 0.0, True)]
)
def test_every_drawn_cell_is_the_number_recomputed(key, length, dropout, present):
    run = traced(key, length, dropout)
    seen = Seen(run, item=run.ids.shape[0] - 1, block=1, head=1, token=length // 2, present=present, text=TEXTS[0])
    random = np.random.default_rng(2)
    for stage in STAGES:
        picture = stage.picture(seen)
        panels = [panel for panel in getattr(picture, "panels", ()) if panel.point and panel.values.size]
        for panel in panels:
            for row, column in {tuple(random.integers(panel.values.shape).tolist()) for _ in range(5)}:
                drawn = float(panel.values[row, column])
                found = recompute.recompute(run, *panel.cell(row, column))
                assert close(found.shown, drawn) or not np.isfinite(drawn), f"{stage.key}: {panel.title}: {found}"
                assert close(found.shown, found.value), f"{stage.key}: {panel.title}: {found}"
