"""Which models can be chosen, and what state they are in."""

import os

import pytest
import torch

from gptviz import catalogue, trace, weights
from gptviz.config import PRESETS
from sample_models import EFFORT, mini, tiny, untrained


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Name these folders in GPTVIZ_MODELS and list the models again."""

    def offer(*paths):
        monkeypatch.setenv(catalogue.FOLDERS, os.pathsep.join(map(str, paths)))
        monkeypatch.setattr(catalogue, "MODELS", catalogue.discover())
        return list(catalogue.MODELS)

    return offer


def test_the_bundled_models_come_first_and_mini_is_the_default(folders):
    assert folders() == ["mini", "mini-untrained", "gpt2-untrained"]
    for key, entry in catalogue.MODELS.items():
        assert entry.key == key and entry.title and entry.about


def test_mini():
    assert mini().config == PRESETS["mini"]
    assert weights.is_trained(mini())
    assert mini().out_head.weight is mini().tok_emb.weight
    about = catalogue.MODELS["mini"].about
    assert f"{mini().config.n_layer} blocks, {mini().config.n_head} heads, {mini().config.n_embd} wide" in about


def test_gpt2_untrained_is_gpt2_smalls_shape_and_seeded():
    model = untrained()
    assert model.config == PRESETS["gpt2"]
    assert sum(parameter.numel() for parameter in model.parameters()) == 124_439_808
    assert not weights.is_trained(model)
    assert not model.training and not any(parameter.requires_grad for parameter in model.parameters())
    again = catalogue.load("gpt2-untrained")
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    assert float(model.tok_emb.weight.std()) == pytest.approx(0.02, rel=0.01)
    assert float(model.blocks[3].ff.contract.weight.std()) == pytest.approx(0.02 / 24**0.5, rel=0.01)


def test_an_untrained_model_knows_nothing():
    chances = trace.run(untrained(), EFFORT, points=["logits"])["logits"][0].softmax(-1)
    assert float(chances.max()) < 0.001


def test_loading_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    catalogue.load("gpt2-untrained")
    catalogue.load("mini")
    assert torch.equal(before, torch.get_rng_state())


def test_a_folder_on_this_server(folders, tmp_path):
    weights.save(tiny(), tmp_path / "my model")
    assert folders(tmp_path / "my model") == ["mini", "mini-untrained", "gpt2-untrained", "my model"]
    model = catalogue.load("my model")
    assert torch.equal(trace.run(model, EFFORT)["logits"], trace.run(tiny(), EFFORT)["logits"])
    assert weights.is_trained(model)
    assert str(tmp_path) not in catalogue.MODELS["my model"].about  # readers need not know the server's paths


def test_folders_of_the_same_name_stay_apart(folders, tmp_path):
    paths = [tmp_path / parent / "mini" for parent in ("a", "b")]
    for path in paths:
        weights.save(tiny(), path)
    assert folders(*paths) == ["mini", "mini-untrained", "gpt2-untrained", "mini-2", "mini-3"]
    assert catalogue.load("mini").config == PRESETS["mini"]
    assert catalogue.load("mini-3").config == PRESETS["tiny"]


def test_a_folder_without_a_name_of_its_own_takes_the_one_it_has_on_disk(folders, tmp_path, monkeypatch):
    weights.save(tiny(), tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    assert folders(".", "") == ["mini", "mini-untrained", "gpt2-untrained", "here"]
    assert catalogue.load("here").config == PRESETS["tiny"]


def test_a_broken_or_missing_folder_is_listed_and_says_what_is_wrong_when_chosen(folders, tmp_path):
    weights.save(tiny(), tmp_path / "broken")
    (tmp_path / "broken" / "model.safetensors").unlink()
    assert folders(tmp_path / "broken", tmp_path / "missing")[3:] == ["broken", "missing"]
    with pytest.raises(weights.CheckpointError, match="broken: expected model.safetensors, found none"):
        catalogue.load("broken")
    with pytest.raises(weights.CheckpointError, match="missing: expected config.json, found none"):
        catalogue.load("missing")


def test_an_unknown_key_names_the_nearest():
    with pytest.raises(KeyError, match="no model called 'gpt2-untraind'.*gpt2-untrained"):
        catalogue.load("gpt2-untraind")
