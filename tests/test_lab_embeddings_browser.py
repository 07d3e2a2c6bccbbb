"""The lab of embedding space in a real browser: every control moves the picture to the right numbers."""

from urllib.parse import parse_qs, urlparse

from accessible import assert_accessible
from conftest import settle
from test_lab_embeddings import EXPERIMENTS, setting

CANVAS = "[...document.querySelectorAll('*')].map(node => node.shadowRoot?.querySelector('canvas.cells')).find(Boolean)"


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


def test_neighbours_of_tokens_words_and_pieces(server, visit):
    page = visit(f"{server.url}/Embeddings")
    assert told("neighbours") in said(page) and '"·your" is nearest to "·you"' in said(page)
    press(page, "Neighbours", "Home")
    assert "nearest 4 by vector" in drawn(page) and address(page) == {"count": "4"}
    write(page, "Or any word", "cat")
    assert told("neighbours", typed="cat", count=4) in said(page) and "·dog  3290" in drawn(page)
    flip(page, "Space before it")
    assert 'is nearest to "cat"' in said(page)
    write(page, "Or any word", "unfamiliarwords")
    before = drawn(page)
    press(page, "Piece of the word", "ArrowRight")
    assert "piece 2 is looked up" in page.locator(".chips .heading").inner_text() and drawn(page) != before
    whole(page)
    page = visit(f"{server.url}/Embeddings?of=2", theme="dark")
    assert told("neighbours", of=2) in said(page) and 'is nearest to "·moves"' in said(page)
    assert_accessible(page, narrow=True)


def test_cosine_of_two_words(server, visit):
    page = visit(f"{server.url}/Embeddings?view=cosine")
    assert told("cosine") in said(page) and "·cat ·dog: 0." in drawn(page)
    choose(page, "mother father")
    assert told("cosine", a="mother", b="father") in said(page) and "·mother ·father: 0." in drawn(page)
    write(page, "Second word", "dog")
    assert '"·mother" and "·dog"' in said(page) and "b" not in address(page)
    flip(page, "Space before it")
    assert '"mother" and "·dog"' in said(page)
    page.goto(f"{server.url}/Embeddings?view=cosine&below=10000")
    settle(page)
    assert "the first 10,000 rows" in drawn(page) and "of the random pairs are less alike" in said(page)
    whole(page)


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


def test_another_seed_redraws_the_random_table_only(server, visit):
    page = visit(f"{server.url}/Embeddings?view=training", theme="dark")
    trained, random = said(page).split("Random:")
    assert told("training") in said(page)
    cells = page.evaluate(f"{CANVAS}.toDataURL()")
    press(page, "Seed of the random table", "ArrowRight")
    assert said(page).split("Random:")[0] == trained and said(page).split("Random:")[1] != random
    assert page.evaluate(f"{CANVAS}.toDataURL()") != cells
    assert "RANDOM INIT, seed 1" in page.locator("h1 .badge").inner_text()
    before = said(page)
    write(page, "Words (a semicolon begins a new group)", "cat dog; Monday Tuesday")
    assert said(page) != before and told("training", seed=1, words="cat dog; Monday Tuesday") in said(page)
    flip(page, "Space before each")
    assert address(page)["space"] == "0"
    whole(page)


def test_a_position_is_compared_with_all_others(server, visit):
    page = visit(f"{server.url}/Embeddings?view=positions&p=128", 1920, 1080)
    assert "Position 128 is most alike to" in said(page) and "row 128 of the square" in drawn(page)
    press(page, "Position", "ArrowRight")
    assert "Position 129 is most alike to" in said(page) and "row 129 of the square" in drawn(page)
    assert page.evaluate(f"{CANVAS}.width") > 200
    whole(page)
