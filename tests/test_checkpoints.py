"""Every kind of checkpoint folder opens as the model it holds, or is refused in words that help; GPTVIZ_CHECKPOINTS=200 tries
so many, GPTVIZ_SEED=7 others than usual."""

import os
import shlex
import time
from random import Random

import pytest
import torch
from safetensors.torch import load_file

from gptviz import trace, weights
from gptviz.files import CheckpointError
from sample_checkpoints import BAD, GOOD, write
from sample_models import EFFORT

COUNT = int(os.environ.get("GPTVIZ_CHECKPOINTS", "0"))
SEED = int(os.environ.get("GPTVIZ_SEED", "1"))
POSIX = {
    "links_to_blobs",
    "a_device",
    "a_pipe",
    "a_link_to_itself",
    "config_is_the_password_file",
    "weights_are_the_password_file",
}
LONGEST = 10.0  # seconds one folder may take
ALONE = {"two_tables", "untied", "padded", "two_words_more", "half_precision"}  # they replace the tensors of the others
APART = {"both_names", "other_names", "n_ctx_alone"}
TOGETHER = sorted(set(GOOD) - ALONE - APART - {"in_files", "links_to_blobs", "plain"})


def cases() -> list[tuple[str, int]]:
    """Every kind once; up to COUNT, more of them at random, and good ones of several kinds together."""
    random = Random(SEED)
    found = [(kind, SEED) for kind in (*GOOD, *BAD) if os.name == "posix" or kind not in POSIX]
    while len(found) < COUNT:
        if random.random() < 0.4:
            kinds = random.sample(TOGETHER, random.randint(1, 4))
            kinds += random.sample(sorted(APART), random.randint(0, 1)) + random.choice([[], ["in_files"], ["links_to_blobs"]])
            kinds = [random.choice(sorted(ALONE)), *kinds] if random.random() < 0.5 else kinds
            if not {"head_alone", "head_and_table"} <= set(kinds) and not conflicting(kinds):
                found.append(("+".join(kinds), len(found)))
        else:
            found.append((random.choice(sorted(BAD)), len(found)))
    return found


def conflicting(kinds: list[str]) -> bool:
    """Whether one of the kinds says something else of the table, the head or the words than another."""
    heads = {"head_alone", "head_and_table", "two_tables", "untied"} & set(kinds)
    lists = {"two_words_more", "gpt2s_lists", "gpt2s_tokenizer", "one_word_too_many"} & set(kinds)
    return len(heads) > 1 or len(lists) > 1 or {"padded", "one_word_too_many"} <= set(kinds)


@pytest.mark.parametrize(("kind", "seed"), cases(), ids=lambda value: str(value))
def test_a_folder_opens_or_says_what_to_do(kind, seed, tmp_path):
    expected = write(kind, seed, tmp_path / "folder")
    began = time.monotonic()
    if not expected.words:
        assert_opens(expected)
    else:
        with pytest.raises((CheckpointError, MemoryError)) as caught:
            weights.load(expected.path)
        said = str(caught.value)
        assert len(said) <= 2010 and all(word in said for word in expected.words), said
        assert "root:" not in said  # nothing of what a link points to
    assert time.monotonic() - began < LONGEST


def test_changed_bytes_change_numbers_or_are_refused(tmp_path):
    """In config.json and in the header of the weights: whatever they say then, it is a model or a message."""
    random = Random(SEED)
    folder = write("plain", SEED, tmp_path / "folder").path
    whole = {name: (folder / name).read_bytes() for name in ("config.json", "model.safetensors")}
    opened = 0
    for _ in range(max(60, COUNT)):
        name = random.choice(list(whole))
        content = bytearray(whole[name])
        for _ in range(random.randint(1, 6)):
            content[random.randrange(min(len(content), 3000))] = random.choice(b'\0\xff{}[]",:0123456789eE-.nt ')
        (folder / name).write_bytes(content)
        try:
            opened += weights.load(folder).config.vocab_size >= 50257
        except (CheckpointError, MemoryError) as error:
            assert 20 < len(str(error)) <= 2010
        (folder / name).write_bytes(whole[name])
    assert opened < max(60, COUNT)
    assert weights.load(folder).config.n_layer == 2


def test_the_command_in_the_refusal_converts_a_pickle(tmp_path):
    expected = write("plain", SEED, tmp_path / "folder")
    tensors = load_file(expected.path / "model.safetensors")
    (expected.path / "model.safetensors").unlink()
    torch.save(tensors | {"lm_head.weight": tensors["transformer.wte.weight"]}, expected.path / "pytorch_model.bin")
    with pytest.raises(CheckpointError) as caught:
        weights.load(expected.path)
    run_the_command(str(caught.value))
    assert_opens(expected)


def test_the_command_in_the_refusal_takes_a_prefix_away(tmp_path):
    expected = write("a_prefix_in_the_way", SEED, tmp_path / "folder")
    with pytest.raises(CheckpointError) as caught:
        weights.load(expected.path)
    run_the_command(str(caught.value))
    assert_opens(expected)


def run_the_command(said: str) -> None:
    """What stands between backticks in a message, as a shell would hand it to Python."""
    python, option, code = shlex.split(said.split("`")[1])
    assert (python, option) == ("python", "-c")
    exec(compile(code, "command", "exec"), {})  # noqa: S102 it is our own


def assert_opens(expected) -> None:
    """The folder's model has just these numbers, whichever way they are read."""
    for mapped in (False, True):
        model = weights.load(expected.path, mapped=mapped)
        assert model.config == expected.model.config
        theirs = dict(expected.model.named_parameters())
        assert all(torch.equal(one, theirs[name]) for name, one in model.named_parameters())
    assert model.extra == expected.extra
    said = " ".join(model.remarks)
    assert all(remark in said for remark in expected.remarks) and bool(said) == bool(expected.remarks), said
    ours, own = (trace.run(one, EFFORT, points=["logits"])["logits"] for one in (model, expected.model))
    assert torch.equal(ours, own)
    assert weights.trouble(expected.path) == ""
