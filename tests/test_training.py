"""Training: what a batch holds, what a step does, and that a trained checkpoint is a model like any other."""

import functools
import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from transformers import GPT2Model

from gptviz import snapshots, tokenizer, weights
from gptviz.config import PRESETS, GPTConfig
from gptviz.training import __main__ as command
from gptviz.training import evaluation, forward, losses, optimizers
from gptviz.training.data import UNIFORM_LOSS, Corpus, Windows, Yardstick, encode_text, read_tokens
from gptviz.training.forward import hidden
from gptviz.training.run import Run, Settings, is_mark
from sample_models import randomised

SHAPE = GPTConfig(n_embd=32, n_layer=2, n_head=2, context_length=32)
QUICK = Settings(
    steps=80,
    model=SHAPE,
    batch=8,
    rate=0.02,
    matrix_rate=0.03,
    warmup=5,
    negatives=512,
    held_out=2000,
    log_every=10,
    full_end=0.1,
    dropout=0.05,
)


def nursery(lines: int = 900) -> str:
    """A text of this file's own: a small grammar, walked in a fixed order, with an end-of-text now and then."""
    who, what, where = ("kitten", "puppy", "robin", "hen"), ("sleeps", "hides", "waits"), ("basket", "barn", "hedge")
    when = ("When the rain comes", "At noon", "Before the moon is up")
    random = np.random.default_rng(5)
    story = []
    for number in range(lines):
        a, b, c, d = (random.choice(words) for words in (who, what, where, when))
        story.append(f"{d}, the {a} {b} in the {c}, and nobody but the {a} knows the {c}.\n")
        if number % 60 == 59:
            story.append("<|endoftext|>")
    return "".join(story)


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("text") / "nursery.txt"
    path.write_text(nursery(), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def corpus(text) -> Corpus:
    return Corpus.read(text, QUICK.held_out)


@pytest.fixture(scope="module")
def trained(corpus, tmp_path_factory) -> Run:
    run = Run(QUICK, corpus, tmp_path_factory.mktemp("run"), say=lambda line: None)
    run.train()
    return run


# ---- the text


def test_a_text_is_cut_at_its_document_marks(tmp_path):
    path = tmp_path / "two.txt"
    path.write_text("Every effort<|endoftext|> moves you", encoding="utf-8")
    assert encode_text(path).tolist() == [6109, 3626, 50256, 6100, 345]
    assert encode_text(path).tolist() == tokenizer.encode("Every effort<|endoftext|> moves you", special=True)


def test_a_byte_order_mark_and_windows_line_ends_are_not_learned(tmp_path):
    path = tmp_path / "windows.txt"
    path.write_bytes("\ufeffEvery effort\r\nmoves you\r\n<|endoftext|>\ufeffEvery day".encode())
    assert encode_text(path).tolist() == tokenizer.encode("Every effort\nmoves you\n<|endoftext|>Every day", special=True)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("Every effort\n".encode("utf-16"), "byte 0 (line 1) is 0xFF. It may be UTF-16: save it as UTF-8"),
        ("Every effort\n".encode("utf-32"), "byte 0 (line 1) is 0xFF. It may be UTF-32: save it as UTF-8"),
        ("Every effort\n".encode("utf-16-le"), "byte 1 (line 1) is 0x00. It may be UTF-16LE"),
        ("Every effort\n".encode("utf-16-be"), "byte 0 (line 1) is 0x00. It may be UTF-16BE"),
        ("a\nb\nnaïve café".encode("cp1252"), "byte 6 (line 3) is 0xEF. It may be WINDOWS-1252"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(1, 256)), "byte 0 (line 1) is 0x89. It seems to be no text"),
    ],
    ids=["UTF-16", "UTF-32", "UTF-16LE", "UTF-16BE", "Windows", "a picture"],
)
def test_another_encoding_is_refused_with_the_place_and_what_to_do(tmp_path, capsys, content, said):
    path = tmp_path / "it's.txt"
    path.write_bytes(content)
    assert command.main([str(path), str(tmp_path / "out"), "--steps", "1"]) == 1
    found = capsys.readouterr().err
    assert str(path) in found and said in found
    assert ("iconv -f" in found) == ("no text" not in found) and "Traceback" not in found


def test_token_ids_can_be_kept_in_a_file(text, tmp_path, capsys):
    assert command.main(["tokenize", str(text), str(tmp_path / "ids.npy")]) == 0
    np.testing.assert_array_equal(read_tokens(tmp_path / "ids.npy"), encode_text(text))
    assert "tokens written" in capsys.readouterr().out
    np.save(tmp_path / "wrong.npy", np.zeros(5))
    with pytest.raises(ValueError, match="uint16"):
        read_tokens(tmp_path / "wrong.npy")


def test_the_end_of_the_text_is_kept_apart(text, corpus):
    ids = encode_text(text)
    assert len(corpus.held_out) == min(2000, len(ids) // 20)
    np.testing.assert_array_equal(np.concatenate([corpus.train, corpus.held_out]), ids)


def test_word_frequencies():
    corpus = Corpus(np.array([7, 7, 7, 9], dtype=np.uint16), np.array([9, 11], dtype=np.uint16))
    assert corpus.unigram_entropy == pytest.approx(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    assert corpus.unigram_loss() == pytest.approx(-(math.log(2 / 50261) + math.log(1 / 50261)) / 2)
    assert UNIFORM_LOSS == pytest.approx(10.8249, abs=1e-4)


def test_a_pass_reads_every_window_once_and_the_next_one_cuts_elsewhere():
    windows = Windows(np.arange(1000, dtype=np.uint16), length=10, batch=7, seed=3)
    passes = []
    for passed in range(2):
        starts = []
        for number in range(windows.per_pass):
            tokens, targets = windows.read(passed * windows.per_pass + number)
            assert tokens.shape == targets.shape == (7, 10)
            assert torch.equal(targets, tokens + 1)
            starts += tokens[:, 0].tolist()
        assert len(set(starts)) == len(starts) == 7 * windows.per_pass >= 1000 / 10 - 1 - 7
        assert len({start % 10 for start in starts}) == 1
        passes.append(starts)
    assert passes[0] != passes[1]
    again = Windows(windows.ids, length=10, batch=7, seed=3)
    assert torch.equal(again.read(windows.per_pass + 2)[0], windows.read(windows.per_pass + 2)[0])


def test_a_text_too_short_is_refused():
    with pytest.raises(ValueError, match="8 windows of 32 need"):
        Windows(np.zeros(100, dtype=np.uint16), length=32, batch=8, seed=0)


# ---- the pass and the loss


@pytest.mark.parametrize("tokens", [1, 5, 32])
def test_the_training_pass_is_the_model(tokens):
    model = randomised(PRESETS["tiny"], seed=4)
    ids = torch.randint(50257, (2, tokens), generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(hidden(model, ids) @ model.out_head.weight.T, model(ids), rtol=1e-5, atol=1e-5)


def test_dropout_falls_where_it_falls_in_gpt2(tmp_path):
    """Mean and spread of the training pass over many masks, against transformers' GPT-2 in training with the same weights."""
    model = randomised(PRESETS["tiny"], seed=4)
    weights.save(model, tmp_path, dropout=0.3)
    theirs = GPT2Model.from_pretrained(tmp_path, attn_implementation="eager").train()
    assert theirs.config.embd_pdrop == theirs.config.attn_pdrop == theirs.config.resid_pdrop == 0.3
    torch.manual_seed(1)
    ids = torch.randint(50257, (1, 6)).expand(6000, 6)
    with torch.no_grad():
        found, meant = hidden(model, ids, 0.3), theirs(ids).last_hidden_state
    assert (found.mean(0) - meant.mean(0)).abs().max() < 0.15 * meant.std(0).mean()
    torch.testing.assert_close(found.std(0), meant.std(0), rtol=0.1, atol=0.01)
    plain = hidden(model, ids[:1]).detach()
    assert (meant.mean(0) - plain[0]).abs().max() > 0.3 * meant.std(0).mean(), "dropout changes this model's mean"


@pytest.mark.parametrize("place", ["embd", "attn", "resid"])
def test_each_kind_of_place_has_its_dropout(place, tmp_path, monkeypatch):
    """With the other kinds switched off on both sides, the spread is still transformers' own."""
    model = randomised(PRESETS["tiny"], seed=4)
    weights.save(model, tmp_path)
    theirs = GPT2Model.from_pretrained(tmp_path, attn_implementation="eager", **{f"{place}_pdrop": 0.3}).train()
    rates = {name: 0.3 if name == place else 0.0 for name in ("embd", "attn", "resid")}
    calls = itertools.count()

    class Switched:
        """torch.nn.functional, with the rates of this test."""

        __getattr__ = staticmethod(functools.partial(getattr, F))

        def dropout(self, x, rate):
            return F.dropout(x, rates["resid" if next(calls) else "embd"])

        def scaled_dot_product_attention(self, *qkv, dropout_p, is_causal):
            return F.scaled_dot_product_attention(*qkv, dropout_p=rates["attn"], is_causal=is_causal)

    monkeypatch.setattr(forward, "F", Switched())
    torch.manual_seed(1)
    ids = torch.randint(50257, (1, 6)).expand(6000, 6)
    with torch.no_grad():
        found, meant = hidden(model, ids, 0.3), theirs(ids).last_hidden_state
    torch.testing.assert_close(found.std(0), meant.std(0), rtol=0.1, atol=0.01)


def test_sampled_loss_agrees_with_the_full_loss_on_average():
    """The sum of exponentials is right on average; its log, the loss, lies a little below, less the more words are drawn."""
    random = torch.Generator().manual_seed(8)
    table = torch.randn(3000, 16, generator=random).mul_(0.25).requires_grad_()
    found = torch.randn(48, 16, generator=random)
    targets = torch.randint(3000, (48,), generator=random)
    exact = losses.full(found, table, targets)
    (gradient,) = torch.autograd.grad(exact, table)
    drawn, slopes = [], torch.zeros_like(table)
    for _ in range(150):
        loss = losses.sampled(found, table, targets, 1000, random)
        drawn.append(loss.item())
        slopes += torch.autograd.grad(loss, table)[0] / 150
    print(f"full {exact.item():.4f}, sampled {np.mean(drawn):.4f} +- {np.std(drawn):.4f} a batch")
    assert np.mean(drawn) == pytest.approx(exact.item(), abs=0.005)
    assert torch.cosine_similarity(slopes.flatten(), gradient.flatten(), dim=0) > 0.99


def test_the_sampled_sum_of_exponentials_is_right_on_average():
    random = torch.Generator().manual_seed(3)
    table, found, target = torch.randn(500, 8, generator=random), torch.randn(1, 8, generator=random), torch.tensor([17])
    exact = losses.full(found, table, target).exp().item()  # for one token the loss is log(sum / exp(target's logit))
    drawn = [losses.sampled(found, table, target, 100, random).exp().item() for _ in range(1500)]
    error = np.std(drawn) / math.sqrt(len(drawn))
    print(f"full {exact:.3f}, sampled {np.mean(drawn):.3f} +- {error:.3f}")
    assert abs(np.mean(drawn) - exact) < 4 * error < 0.1 * exact


# ---- the optimizers


def test_an_update_of_a_matrix_is_the_one_muon_means():
    """One step on (inputs, outputs) is the transpose of torch's own step on (outputs, inputs)."""
    for inputs, outputs in ((8, 24), (24, 8), (8, 8)):
        random = torch.Generator().manual_seed(2)
        start, slope = torch.randn(inputs, outputs, generator=random), torch.randn(inputs, outputs, generator=random)
        ours, theirs = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.T.contiguous())
        ours.grad, theirs.grad = slope.clone(), slope.T.contiguous()
        optimizers.Muon([ours], 0.02, 0.01).step()
        torch.optim.Muon([theirs], lr=0.02, weight_decay=0.01, momentum=0.95).step()
        moved, meant = ours.detach() - start, theirs.detach().T - start
        assert (moved - meant).norm() < 0.03 * meant.norm()  # Muon multiplies in bfloat16


def test_no_product_of_an_update_is_in_bfloat16_without_a_gpu():
    """Newton and Schulz's steps in float32: the same polynomial in double precision differs by rounding only."""
    matrix = torch.randn(24, 8, generator=torch.Generator().manual_seed(6))
    found, exact = optimizers.orthogonal(matrix), optimizers.orthogonal(matrix.double())
    assert found.dtype == torch.float32 and (found - exact).abs().max() < 1e-4
    values = torch.linalg.svdvals(found)
    assert 0.6 < values.min() and values.max() < 1.3


def test_every_parameter_has_one_optimizer():
    model = randomised(PRESETS["tiny"])
    matrices, others = optimizers.split(model)
    assert len(matrices) == 4 * 2 and {id(one) for one in matrices + others} == {id(one) for one in model.parameters()}
    assert any(one is model.tok_emb.weight for one in others)


def test_the_learning_rate_rises_stays_and_falls_to_nothing():
    shares = [optimizers.schedule(step / 100, step, warmup=10, hold=0.5) for step in range(101)]
    assert shares[0] == 0.1 and shares[9:50] == [1.0] * 41 and shares[75] == 0.5 and shares[100] == 0
    assert all(later <= earlier for earlier, later in itertools.pairwise(shares[50:]))
    assert optimizers.schedule(1.3, 5000, warmup=10, hold=0.5) == 0


# ---- a run


def test_it_learns_more_than_word_frequencies(trained, corpus):
    found = evaluation.loss(trained.model, corpus.held_out, windows=12)
    print(f"held-out loss {found:.3f}, unigram entropy {corpus.unigram_entropy:.3f}")
    assert found < corpus.unigram_entropy
    untrained = evaluation.loss(weights.GPT(SHAPE).init_weights(1), corpus.held_out, windows=12)
    assert untrained == pytest.approx(UNIFORM_LOSS, abs=0.1)


def test_the_checkpoint_is_a_model_here_and_in_transformers(trained, corpus):
    ours = weights.load(trained.folder)
    assert ours.config == SHAPE and weights.is_trained(ours)
    ids = torch.from_numpy(corpus.held_out[:32].astype(np.int64))[None]
    from transformers import GPT2LMHeadModel

    theirs = GPT2LMHeadModel.from_pretrained(trained.folder, dtype=torch.float32).eval()
    with torch.no_grad():
        torch.testing.assert_close(ours(ids), theirs(ids).logits, rtol=1e-4, atol=1e-4)
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(
            parameter, dict(trained.model.named_parameters())[name].detach().half().float(), rtol=0, atol=0
        )


def test_it_leaves_a_log_and_snapshots(trained):
    lines = [json.loads(line) for line in (trained.folder / "loss.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "held_out" not in line] == list(range(10, 81, 10))
    measured = {line["step"]: line["held_out"] for line in lines if "held_out" in line}
    assert list(measured) == [0, 30, 80] and measured[0] > measured[30] > measured[80]
    assert sorted(path.name for path in (trained.folder / "checkpoints").iterdir()) == [
        "step000000.int8.safetensors",
        "step000030.int8.safetensors",
    ]
    assert snapshots.facts(trained.folder / "checkpoints" / "step000030.int8.safetensors")["step"] == "30"
    assert [step for step in range(12_000) if is_mark(step)] == [0, 30, 100, 300, 1000, 3000, 10_000]


def test_int8_rows_keep_the_model(trained, corpus, tmp_path):
    path = tmp_path / "small.safetensors"
    snapshots.save(trained.model, path, {"step": 80})
    back = snapshots.load(path, SHAPE)
    worst = 0.0
    for name, parameter in trained.model.named_parameters():
        before, after = parameter.detach(), dict(back.named_parameters())[name]
        worst = max(worst, float((after - before).norm() / before.norm()))
        rows = before.T if name.startswith("blocks.") and before.ndim == 2 else before
        difference = after.T - before.T if rows is not before else after - before
        if before.ndim == 2:  # half a step of 127, and what fp16 rounds the step itself by
            assert (difference.abs().amax(1) <= rows.abs().amax(1) * (0.5 / 127 + 2**-10) + 1e-6).all(), name
    exact = evaluation.loss(trained.model, corpus.held_out, 12)
    rounded = evaluation.loss(back, corpus.held_out, 12)
    print(f"largest relative error of a tensor {worst:.4f}; held-out loss {exact:.4f} -> {rounded:.4f}")
    assert worst < 0.02 and rounded == pytest.approx(exact, abs=0.02)
    assert path.stat().st_size < 1.2 * sum(one.numel() for one in back.parameters())
    with pytest.raises(weights.CheckpointError, match="expected shape"):
        snapshots.load(path, GPTConfig(n_embd=64, n_layer=2, n_head=2, context_length=32))


def test_a_stopped_run_goes_on_as_if_it_never_stopped(text, corpus, tmp_path):
    settings = Settings(
        steps=14, model=SHAPE, batch=4, warmup=3, negatives=64, held_out=QUICK.held_out, full_end=0.3, dropout=0.1
    )
    whole = Run(settings, corpus, tmp_path / "whole", say=lambda line: None)
    whole.train()
    first = Run(settings, corpus, tmp_path / "parts", say=lambda line: None)
    first.train(until=6)
    assert not (tmp_path / "parts" / "model.safetensors").exists()
    second = Run.resume(text, tmp_path / "parts", say=lambda line: None)
    assert second.step == 6
    second.train()
    for name, parameter in whole.model.named_parameters():
        assert torch.equal(parameter, dict(second.model.named_parameters())[name]), name
    assert whole.average == second.average
    again = Run(settings, corpus, tmp_path / "again", say=lambda line: None)
    again.train()
    assert all(torch.equal(a, b) for a, b in zip(whole.model.parameters(), again.model.parameters(), strict=True))


def test_another_text_cannot_be_resumed(trained, tmp_path):
    (tmp_path / "other.txt").write_text(nursery(700), encoding="utf-8")
    with pytest.raises(ValueError, match="another text"):
        Run.resume(tmp_path / "other.txt", trained.folder)


def test_it_goes_on_from_a_checkpoint_in_bfloat16_by_the_clock(trained, corpus, tmp_path):
    settings = Settings(
        minutes=0.02,
        start=str(tmp_path / "start"),
        batch=8,
        rate=1e-4,
        matrix_rate=1e-3,
        precision="bfloat16",
        held_out=QUICK.held_out,
        snapshots=False,
    )
    weights.save(trained.model, tmp_path / "start")
    written = (tmp_path / "start" / "model.safetensors").read_bytes()
    run = Run(settings, corpus, tmp_path / "more", say=lambda line: None)
    assert run.model.out_head.weight is run.model.tok_emb.weight
    run.train()
    assert run.model.config == SHAPE and run.progress >= 1 and run.step > 0
    assert (tmp_path / "start" / "model.safetensors").read_bytes() == written
    before, after = [evaluation.loss(weights.load(tmp_path / name), corpus.held_out, 12) for name in ("start", "more")]
    assert after < before + 0.05


@pytest.mark.parametrize(
    "wrong", [{}, {"minutes": 1, "steps": 1}, {"steps": 1, "hold": 1.0}, {"steps": 1, "precision": "int3"}]
)
def test_settings_that_make_no_run(wrong):
    with pytest.raises(ValueError, match=r"minutes|hold|precision"):
        Settings(**wrong)


# ---- the command


def test_the_command_trains_resumes_and_evaluates(text, tmp_path, capsys):
    shape = ["--layers", "1", "--heads", "2", "--width", "16", "--context", "16", "--batch", "2", "--threads", "1"]
    out = tmp_path / "out"
    assert command.main([str(text), str(out), "--steps", "4", "--negatives", "32", "--device", "cpu", *shape]) == 0
    assert command.main([str(text), str(out), "--resume"]) == 0
    assert command.main(["evaluate", str(out), "--text", str(text), "--windows", "5", "--samples", "3"]) == 0
    printed = capsys.readouterr().out
    assert all(words in printed for words in ("loss on them", "10.825", "unigram entropy", "Every effort moves you"))
    assert command.main(["evaluate", str(out), "--windows", "5", "--samples", "0", "--steps"]) == 0
    again = capsys.readouterr().out.splitlines()
    kept = [line for line in printed.splitlines() if line.startswith("loss on them")]
    assert kept == [line for line in again if line.startswith("loss on them")], "without the text, from what the run left"
    assert any(line.startswith("loss at step 0 ") for line in again) and any(
        line.startswith("loss at step 4 ") for line in again
    )


def test_packing_says_what_it_costs(text, tmp_path, capsys):
    shape = ["--layers", "1", "--heads", "2", "--width", "16", "--context", "16", "--batch", "2", "--threads", "1"]
    out, small = tmp_path / "out", tmp_path / "small"
    assert command.main(["pack", str(out), str(small)]) == 1  # nothing there
    assert command.main([str(text), str(out), "--steps", "31", "--negatives", "32", "--device", "cpu", *shape]) == 0
    assert command.main(["pack", str(out), str(small), "--windows", "5", "--bits", "3"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()[:2] in ("0 ", "30")]
    made = sorted((small / snapshots.FOLDER).iterdir())
    assert [int(row[0]) for row in rows] == [0, 30] and [int(row[1].replace(",", "")) for row in rows] == [
        path.stat().st_size for path in made
    ]
    for path, row in zip(made, rows):
        known = snapshots.facts(path)
        assert float(known["held_out"]) == float(row[2]) and float(known["compact"]) == float(row[3]) != float(row[2])
        stored = evaluation.loss(snapshots.load(path, weights.read_config(out)), Yardstick.read(out).held_out, 5)
        assert stored == pytest.approx(float(row[3]), abs=1e-3)
