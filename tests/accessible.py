"""axe-core looks a page over: what would keep out who listens to it, steers it by keyboard or voice, or sees little."""

from axe_playwright_python.base import AXE_SCRIPT

COLOURS = "color-contrast"  # the rule that takes most of the time: the text of a page against what it stands on
RULES = {"label-content-name-mismatch": {"enabled": True}}  # what is written on a control is in its name; experimental in axe
HARM = ("serious", "critical")
NARROW = {"width": 390, "height": 844}  # a telephone


def assert_accessible(page, *, colours: bool = True, narrow: bool = False) -> None:
    """axe finds nothing serious on the page as it stands. colours: whether text is measured against its background too. narrow:
    the same, but for colours, on the width of a telephone, which the page then keeps."""
    found = findings(page, colours)
    if narrow:
        page.set_viewport_size(NARROW)
        page.wait_for_function("width => window.innerWidth === width", arg=NARROW["width"])
        found += findings(page, False)
    assert not found, "\n".join(found)


def findings(page, colours: bool) -> list[str]:
    """What axe finds serious or worse: the rule, the element, and what is wrong with it."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    options = {"resultTypes": ["violations"], "preload": False, "rules": RULES | {COLOURS: {"enabled": colours}}}
    found = page.evaluate("async options => (await axe.run(document, options)).violations", options)
    return [
        f"{one['id']}: {node['html'][:200]} ({node['failureSummary']})"
        for one in found
        if one["impact"] in HARM
        for node in one["nodes"]
    ]
