"""The lab of embedding space in a real browser: every control moves the picture to the right numbers."""

from urllib.parse import parse_qs, urlparse

from conftest import settle
from test_lab_embeddings import EXPERIMENTS, setting


def said(page) -> str:
    return page.locator("p.look").inner_text()


def told(key: str, **values) -> str:
    """What the experiment says with these controls, worked out here."""
    return EXPERIMENTS[key].caption(setting(key, **values))


def drawn(page) -> str:
    """All text of the charts."""
    return " ".join(page.locator(".js-plotly-plot text").all_text_contents()).replace("\xa0", " ")


def press(page, label: str, *keys: str) -> None:
    """Move one slider with the keyboard and wait for the new picture."""
    page.get_by_role("slider", name=label).focus()
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_timeout(150)
    settle(page)


def write(page, label: str, text: str) -> None:
    """Type into a field and wait for the new picture."""
    page.get_by_label(label, exact=True).fill(text)
    page.keyboard.press("Enter")
    page.wait_for_timeout(150)
    settle(page)


def flip(page, label: str, nth: int = 0) -> None:
    """Turn a switch with the keyboard."""
    page.get_by_role("switch", name=label).nth(nth).press("Space")
    page.wait_for_timeout(150)
    settle(page)


def choose(page, name: str) -> None:
    """Press one of a row of buttons with the keyboard."""
    page.get_by_role("radio", name=name, exact=True).press("Enter")
    page.wait_for_timeout(150)
    settle(page)


def address(page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlparse(page.url).query).items()}


def whole(page) -> None:
    assert page.locator("[data-testid=stException]").count() == 0
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1")


def test_the_map_of_words_in_two_and_three_dimensions(server, visit):
    page = visit(f"{server.url}/Embeddings?view=map")
    assert "·kitten" not in drawn(page) and told("map") in said(page)
    write(page, "Words (a semicolon begins a new group)", "cat dog kitten; red blue")
    assert "·kitten" in drawn(page) and "these 5 points" in said(page)
    choose(page, "people")
    assert "·princess" in drawn(page)
    flip(page, "Space before each")
    assert "·princess" not in drawn(page) and "Left out" in said(page)
    page.goto(f"{server.url}/Embeddings?view=map&dims=3")
    settle(page)
    page.wait_for_selector(".gl-container canvas", timeout=15_000)
    shown = page.evaluate("""() => {
        const plot = document.querySelector('.js-plotly-plot').data.find(one => one.name === 'points')
        return [plot.type, plot.text.length, document.querySelectorAll('.gl-container canvas').length]
    }""")
    assert shown == ["scatter3d", 20, 1] and told("map", dims=3) in said(page)
    whole(page)


def test_tokens_move_through_the_blocks_on_fixed_axes(server, visit):
    page = visit(f"{server.url}/Embeddings?view=blocks&after=0")

    def figure():
        return page.evaluate("""() => {
            const plot = document.querySelector('.js-plotly-plot'), points = plot._fullData.find(one => one.name === 'points')
            return [plot.layout.xaxis.range, plot.layout.yaxis.range, [...points.x], plot._fullData.length]
        }""")

    x, y, first, traces = figure()
    assert "Nothing has moved yet" in said(page) and traces == 1 and "the input embedding" in drawn(page)
    press(page, "After block (0: input)", "ArrowRight")
    assert "Block 1 turned" in said(page) and "after block 1 of 6" in drawn(page)
    press(page, "After block (0: input)", "End")
    later = figure()
    assert later[:2] == [x, y] and later[2] != first and later[3] == 5 and told("blocks") in said(page)
    choose(page, "as they are")
    assert figure()[2] != later[2] and address(page)["lengths"] == "real"
    whole(page)
