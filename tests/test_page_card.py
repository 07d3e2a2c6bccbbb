"""The model card in the app: there for a model that has one, and true to the file it stands beside."""

from gptviz import catalogue, weights
from test_page import fine, opened


def cards(app) -> list:
    return [one for one in app.expander if one.label == "Model card"]


def test_the_card_is_its_file():
    app = fine(opened(model="mini"))
    (card,) = cards(app)
    written = catalogue.MODELS["mini"].card.read_text(encoding="utf-8")
    assert ["# mini\n\n" + one.value.strip() for one in card.markdown] == [written.strip()]


def test_a_model_without_a_card_shows_none():
    assert catalogue.MODELS["gpt2-untrained"].card is None
    assert not cards(fine(opened(model="gpt2-untrained")))


def test_the_card_counts_as_the_model_does():
    model = catalogue.load("mini")
    card = catalogue.MODELS["mini"].card.read_text(encoding="utf-8")
    parts = model.config.parameters()
    assert f"{sum(parts.values()):,}" in card and f"{parts['token table']:,}" in card
    assert weights.is_trained(model)
