"""The model card in the app: there for a model that has one, and true to the file it stands beside."""

from test_page import fine, opened, shown

from gptviz import catalogue, weights


def test_the_card_opens_and_shows_its_file():
    app = fine(opened(model="mini"))
    card = catalogue.MODELS["mini"].card.read_text(encoding="utf-8")
    assert card not in shown(app)
    (button,) = [one for one in app.button if one.label == "Model card"]
    assert card.strip() in shown(fine(button.click().run()))


def test_a_model_without_a_card_offers_none():
    assert catalogue.MODELS["gpt2-untrained"].card is None
    app = fine(opened(model="gpt2-untrained"))
    assert not [one for one in app.button if one.label == "Model card"]


def test_the_card_counts_as_the_model_does():
    model = catalogue.load("mini")
    card = catalogue.MODELS["mini"].card.read_text(encoding="utf-8")
    parts = model.config.parameters()
    assert f"{sum(parts.values()):,}" in card and f"{parts['token table']:,}" in card
    assert weights.is_trained(model)
