"""run(..., grad=...): gradients at hook points, held against other implementations; nothing shared is touched."""

import threading

import pytest
import torch
import torch.nn.functional as F

from gptviz import trace
from sample_models import DAY, EFFORT, mini, randomised, some_ids, tiny
from twin import transformers_twin


def next_token_loss(run):
    """Mean cross-entropy of every row's actual next token."""
    return F.cross_entropy(run["logits"][:, :-1].flatten(0, 1), run.ids[:, 1:].flatten())


def last_row(target):
    return lambda run: F.cross_entropy(run["logits"][0, -1:], torch.tensor([target]))


@pytest.fixture(scope="module")
def peer():
    return transformers_twin()


def test_gradients_equal_transformers_at_every_block(peer):
    ids = torch.tensor([EFFORT, DAY])
    run = trace.run(mini(), ids, grad=next_token_loss)
    embedded = mini().tok_emb.weight[ids].clone().requires_grad_()
    out = peer(inputs_embeds=embedded, output_hidden_states=True, output_attentions=True, use_cache=False)
    [kept.retain_grad() for kept in (*out.hidden_states, *out.attentions, out.logits)]
    F.cross_entropy(out.logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten()).backward()
    assert torch.allclose(run.grads["tok_emb"], embedded.grad, atol=1e-4 * embedded.grad.abs().max())
    ours = ["drop_emb", *(f"blocks.{block}.shortcut2" for block in range(5)), "final_norm"]
    pairs = [(run.grads[name], state.grad) for name, state in zip(ours, out.hidden_states, strict=True)]
    pairs += [(run.grads[f"blocks.{block}.att.weights"], out.attentions[block].grad) for block in range(6)]
    pairs += [(run.grads["logits"], out.logits.grad)]
    for mine, theirs in pairs:
        assert theirs.abs().max() > 0
        assert torch.allclose(mine, theirs, rtol=0, atol=1e-4 * float(theirs.abs().max()))


def test_gradients_predict_what_a_small_step_does():
    run = trace.run(mini(), EFFORT, grad=next_token_loss)
    for name in ("input_emb", "blocks.2.att.scaled", "blocks.3.ff.active", "blocks.4.norm1"):
        slope = run.grads[name]
        step = 0.02 * slope / slope.norm()
        up = trace.run(mini(), EFFORT, edits=[(name, lambda x, step=step: x + step)])
        down = trace.run(mini(), EFFORT, edits=[(name, lambda x, step=step: x - step)])
        measured = float(next_token_loss(up) - next_token_loss(down)) / 2 / float(step.norm())
        assert measured == pytest.approx(float(slope.norm()), rel=0.05), name


def test_every_kept_point_has_a_gradient_in_its_own_shape():
    run = trace.run(tiny(), [EFFORT, DAY], grad=next_token_loss)
    assert list(run.grads) == [name for name in tiny().points if name != "ids"]
    assert all(gradient.shape == run[name].shape and gradient.isfinite().all() for name, gradient in run.grads.items())
    assert run.loss == pytest.approx(float(next_token_loss(run)))


def test_a_selection_of_points_gives_the_same_gradients():
    everything = trace.run(tiny(), EFFORT, grad=next_token_loss)
    some = trace.run(tiny(), EFFORT, points=["blocks.1.att.*", "logits"], grad=next_token_loss)
    assert set(some.grads) == {name for name in tiny().points if "blocks.1.att." in name} | {"logits"}
    assert all(torch.equal(gradient, everything.grads[name]) for name, gradient in some.grads.items())


def test_the_pass_itself_is_unchanged_and_holds_no_way_back():
    plain, followed = trace.run(mini(), EFFORT), trace.run(mini(), EFFORT, grad=next_token_loss)
    assert all(torch.equal(plain[name], followed[name]) for name in mini().points)
    assert not any(tensor.requires_grad for tensor in (*followed.tensors.values(), *followed.grads.values()))
    assert plain.loss is None and not plain.grads


def test_no_parameter_is_touched_even_when_they_want_gradients():
    trace.run(tiny(), EFFORT, grad=next_token_loss)
    assert all(p.grad is None and not p.requires_grad for p in tiny().parameters())
    wanting = randomised(tiny().config, seed=1).requires_grad_()
    run = trace.run(wanting, EFFORT, grad=next_token_loss)
    assert all(p.grad is None and p.requires_grad for p in wanting.parameters())
    assert torch.allclose(run.grads["drop_emb"], trace.run(tiny(), EFFORT, grad=next_token_loss).grads["drop_emb"])


def test_later_tokens_get_no_gradient():
    def middle(run):
        return F.cross_entropy(run["logits"][0, 1:2], run.ids[0, 2:3])

    gradient = trace.run(mini(), EFFORT, grad=middle).grads["input_emb"]
    assert (gradient[0, 2:] == 0).all() and (gradient[0, :2] != 0).any(-1).all()


def test_dropout_lets_no_gradient_through_what_it_zeroed():
    run = trace.run(tiny(), EFFORT, dropout=0.5, seed=3, grad=next_token_loss)
    zeroed = run["drop_emb"] == 0
    assert zeroed.any() and (run.grads["input_emb"][zeroed] == 0).all()
    assert torch.allclose(run.grads["input_emb"][~zeroed], 2 * run.grads["drop_emb"][~zeroed])


def test_works_inside_no_grad_and_inference_mode():
    expected = trace.run(tiny(), EFFORT, grad=next_token_loss).grads["input_emb"]
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            assert torch.equal(trace.run(tiny(), EFFORT, grad=next_token_loss).grads["input_emb"], expected)
    assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()


def test_many_threads_on_one_model_keep_their_own_gradients():
    jobs = [some_ids(1, 3 + n % 5, seed=n)[0].tolist() for n in range(12)]
    alone = [trace.run(tiny(), ids, grad=last_row(n)).grads["input_emb"] for n, ids in enumerate(jobs)]
    wrong, barrier = [], threading.Barrier(6)

    def reader(mine):
        barrier.wait()
        for n in range(mine, len(jobs), 6):
            for _ in range(5):
                followed = trace.run(tiny(), jobs[n], grad=last_row(n)).grads["input_emb"]
                plain = trace.run(tiny(), jobs[n])
                same = followed.shape == alone[n].shape and torch.allclose(followed, alone[n], rtol=1e-3, atol=1e-7)
                if not same or plain["logits"].requires_grad:
                    wrong.append(n)

    threads = [threading.Thread(target=reader, args=(n,)) for n in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not wrong


@pytest.mark.parametrize(
    "loss",
    [lambda run: run["logits"], lambda run: 3.0, lambda run: torch.tensor(1.0), lambda run: run["ids"].sum()],
    ids=["many numbers", "no tensor", "a constant", "the ids"],
)
def test_a_loss_that_is_no_number_of_this_pass_is_refused(loss):
    with pytest.raises(ValueError, match="grad must make one number"):
        trace.run(tiny(), EFFORT, grad=loss)


def test_a_loss_of_a_point_that_was_not_kept_says_so():
    with pytest.raises(KeyError, match="logits was not kept"):
        trace.run(tiny(), EFFORT, points=["input_emb"], grad=next_token_loss)


def test_gradients_are_part_of_the_forecast():
    run = trace.run(tiny(), EFFORT, grad=next_token_loss)
    with pytest.raises(MemoryError):
        trace.run(tiny(), EFFORT, grad=next_token_loss, budget=trace.bytes_needed(tiny(), 1, 4) + 1)
    assert trace.run(tiny(), EFFORT).nbytes < run.nbytes <= 2 * trace.bytes_needed(tiny(), 1, 4)


# ---- edits that take another point's tensor


def test_a_point_can_take_an_earlier_points_tensor():
    run = trace.run(tiny(), EFFORT, edits=[("blocks.0.shortcut1", "blocks.0.drop1")], grad=next_token_loss)
    assert torch.equal(run["blocks.0.shortcut1"], run["blocks.0.drop1"])
    assert run.edits == ("blocks.0.shortcut1",)
    # the only way from the input to the loss now leads through attention
    through = trace.run(
        tiny(),
        EFFORT,
        edits=[("blocks.0.shortcut1", "blocks.0.drop1"), ("blocks.0.att_out", torch.zeros_like)],
        grad=next_token_loss,
    )
    assert (through.grads["input_emb"] == 0).all() and (run.grads["input_emb"] != 0).any()


def test_a_point_cannot_take_a_later_or_unknown_or_differently_shaped_one():
    with pytest.raises(ValueError, match="blocks.1.drop1 comes later in the pass"):
        trace.run(tiny(), EFFORT, edits=[("blocks.0.shortcut1", "blocks.1.drop1")])
    with pytest.raises(KeyError, match="no hook point called 'blocks.0.dorp1'; did you mean blocks.0.drop1"):
        trace.run(tiny(), EFFORT, edits=[("blocks.0.shortcut1", "blocks.0.dorp1")])
    with pytest.raises(ValueError, match="must be a tensor of shape"):
        trace.run(tiny(), EFFORT, edits=[("blocks.0.shortcut1", "blocks.0.att.query")])
