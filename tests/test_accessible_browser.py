"""For who listens, steers by keyboard or sees little: drawers and menus without findings, steps said, the focus kept."""

from accessible import assert_accessible, findings
from conftest import settle
from gptviz.stages import BY_KEY, STAGES
from test_walk_browser import step, url

FOCUSED = """() => {
    let at = document.activeElement
    while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement
    return at.getAttribute('aria-label') ?? at.textContent
}"""


def said(page) -> str:
    return page.locator(".said").inner_text()


def test_axe_finds_what_it_is_there_to_find(server, visit):
    page = visit(url(server))
    page.evaluate(
        """document.querySelector('.st-key-words').insertAdjacentHTML('afterbegin',
            "<button aria-label='other'>Name</button><p style='color: #999; background: #FFF'>Pale</p><img src='data:,'>")"""
    )
    found = findings(page, colours=True)
    assert {one.split(":")[0] for one in found} == {"label-content-name-mismatch", "color-contrast", "image-alt"}


def test_drawers_in_the_light(server, visit):
    page = visit(url(server, stage="contract", drawer="numbers"))
    assert_accessible(page)
    open_drawer(page, "About")
    assert_accessible(page)


def test_drawers_and_menus_in_the_dark(server, visit):
    page = visit(url(server, stage="causal-mask", drawer="recompute"), theme="dark")
    assert_accessible(page)
    open_drawer(page, "Code")
    page.get_by_role("button", name="Options").click()
    settle(page)
    assert_accessible(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Labs").click()
    settle(page)
    assert_accessible(page, colours=False)


def open_drawer(page, name: str) -> None:
    page.get_by_role("radio", name=name).click()
    page.wait_for_function("drawer => location.search.includes(drawer)", arg=f"drawer={name.lower()}")
    settle(page)


def test_on_a_telephone(server, visit):
    page = visit(url(server, stage="gelu", drawer="recompute"), 390, 844)
    assert_accessible(page)
    page.goto(url(server, stage="weight-dropout"))  # the widest formula
    settle(page)
    assert_accessible(page, colours=False)


def test_buttons_can_be_read_when_the_theme_changes_under_the_page(server, visit):
    page = visit(url(server, stage="append"))
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("getComputedStyle(document.querySelector('.st-key-append button')).color === 'rgb(20, 24, 31)'")
    page.locator(".st-key-append button").hover()
    assert_accessible(page)


def test_a_step_is_said_and_named_and_leaves_the_focus_where_it_is(server, visit):
    page = visit(url(server, stage="norm1", block=1))
    assert said(page) == "" and page.title() == "LayerNorm before attention · gptviz"
    page.get_by_role("button", name="5.6b GELU").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.title.startsWith('GELU')")
    settle(page)
    assert said(page) == "19 of 27: GELU" and page.evaluate(FOCUSED) == "5.6b GELU"
    step(page, "ArrowRight", 19)
    assert said(page) == "20 of 27: Contract" and page.evaluate(FOCUSED) == "5.6b GELU"
    page.get_by_role("button", name="next block").focus()
    for block in range(2, 7):
        page.keyboard.press("Enter")
        page.locator(".said", has_text=f"block {block} of 6").wait_for(state="attached")
    assert page.evaluate(FOCUSED) == "previous block", "there is no next one, so its button cannot keep the focus"
    page.get_by_role("button", name="Labs").click()
    page.get_by_role("link", name="Dropout").click()
    page.wait_for_function("document.title === 'Dropout · gptviz'")


def test_the_map_is_skipped_with_one_press_whatever_the_picture(server, visit):
    page = visit(url(server, stage="text", block=1))
    for key, begins in (("text", "The sentence as 4"), ("gelu", "73.4 % of the units"), ("causal-mask", "Scaled scores")):
        box = page.locator(f".map .box[data-key={key}]")
        box.click()
        page.wait_for_function("title => document.querySelector('h1.title')?.innerText.includes(title)", arg=BY_KEY[key].title)
        settle(page)
        page.locator(".turn:enabled, .box").first.focus()
        page.keyboard.press("Shift+Tab")
        assert page.evaluate(FOCUSED) == "Skip to the picture" and page.locator(".skip").bounding_box()["width"] > 100
        page.keyboard.press("Enter")
        assert page.evaluate(FOCUSED).startswith(begins)


def test_escape_gives_the_keys_back_and_keeps_the_focus(server, visit):
    page = visit(url(server, stage="causal-mask"))
    page.locator(".st-key-stage canvas.cells").first.focus()
    page.keyboard.press("ArrowUp")
    tip = page.locator(".tip").first
    assert tip.is_visible() and said(page) == ""
    page.keyboard.press("Escape")
    assert not tip.is_visible() and page.evaluate(FOCUSED).startswith("Scaled scores")
    step(page, "ArrowRight", [stage.key for stage in STAGES].index("attention-weights"))
    assert page.evaluate(FOCUSED).startswith("Attention weights"), "the picture that came keeps it"
    assert not tip.is_visible()
    page.keyboard.press("Enter")
    assert tip.is_visible()
    page.keyboard.press("Enter")
    page.wait_for_selector(".check")
    settle(page)
    assert "cell=" in page.url and page.evaluate(FOCUSED).startswith("Attention weights")
