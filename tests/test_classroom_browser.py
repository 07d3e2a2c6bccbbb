"""In the browser: a presenter, a laptop and a phone in one room."""

import re
from html import escape

from conftest import settle

PHONE = {"width": 390, "height": 844}


def here(page, part: str) -> None:
    """Wait until the page's address says this."""
    page.wait_for_function("(part) => (location.pathname + location.search).includes(part)", arg=part, timeout=15_000)


def lead(page) -> str:
    """Open a room in Present; its word."""
    page.locator(".st-key-room button").click()
    page.get_by_role("button", name="Open a room").click()
    word = page.locator(".joining.large .word").inner_text()
    assert page.locator(".joining.large img").bounding_box()["width"] > 200
    begin, bar = (page.locator(where).bounding_box() for where in (".st-key-begin button", "[data-testid=stBottom]"))
    assert begin["y"] + begin["height"] <= bar["y"], "what leads on is in sight"
    return word


def sent(page) -> list[bytes]:
    """Everything that the server sends from the next load of the page on."""
    frames: list[bytes] = []
    page.on(
        "websocket",
        lambda line: line.on(
            "framereceived", lambda frame: frames.append(frame if isinstance(frame, bytes) else frame.encode())
        ),
    )
    return frames


def test_a_lesson(server, visit):
    desk = visit(f"{server.url}/?stage=block-output&present=1")
    word = lead(desk)
    laptop, phone = (
        visit(f"{server.url}/?join={word}", 1366, 768, "dark"),
        visit(f"{server.url}/?join={word}", **PHONE, theme="light", has_touch=True),
    )
    desk.get_by_text("2 here").wait_for()
    assert not laptop.url.endswith("desk=1") and "desk" not in phone.url
    desk.get_by_role("button", name="Begin").click()
    settle(desk)
    desk.keyboard.press("PageUp")
    for page in (laptop, phone):
        here(page, "stage=feed-forward-shortcut")
        settle(page)
        assert page.locator(".st-key-stage").count() == 1
    assert phone.locator(".st-key-stage").bounding_box()["y"] < 250  # the picture comes first

    # a vote: nothing of it before it is revealed, and the second one beside the first
    desk.locator(".st-key-room").wait_for()
    desk.get_by_role("button", name="Predict").click()
    desk.get_by_role("button", name="Ask the room").click()
    for page, choice in ((laptop, 0), (phone, 1)):
        page.locator(f".st-key-ballot-{choice} button").click()
        page.get_by_text("Your vote").wait_for()
    desk.locator(".voted", has_text=re.compile("^2 of 2 here")).wait_for()
    frames = {page: sent(page) for page in (desk, laptop)}
    desk.reload(), laptop.reload()
    desk.get_by_role("button", name="Reveal counts").wait_for()  # still leads
    laptop.get_by_text("Your vote").wait_for()  # and still has voted
    settle(desk), settle(laptop)
    question = escape(desk.locator(".asked").first.inner_text()).encode()
    before = {page: b"".join(got) for page, got in frames.items()}
    desk.get_by_role("button", name="Reveal counts").click()
    laptop.locator(".tally").wait_for()
    assert laptop.locator(".tally .bar").all_inner_texts().count("1 (50%)") == 2
    desk.get_by_role("button", name="Reveal answer").click()
    why = escape(laptop.locator(".look").inner_text().split(". ", 1)[1])[:40].encode()
    assert why in b"".join(frames[laptop])
    for got in before.values():
        assert question in got
        assert not [told for told in (why, b"class='tally'", b"1 (50%)") if told in got]
    desk.get_by_role("button", name="Ask again").click()
    phone.locator(".st-key-ballot-0 button").click()
    desk.locator(".voted", has_text=re.compile("^1 of 2 here")).wait_for()
    done = desk.get_by_role("button", name="Back to the picture")
    stood = done.bounding_box()
    desk.get_by_role("button", name="Reveal counts").click()
    desk.locator(".bar.before").first.wait_for()
    assert done.bounding_box() == stood, "what is pressed next does not move"
    done.click()
    laptop.locator(".st-key-stage").wait_for()

    # letting go, coming back; the presenter's tab is closed and opened again
    laptop.get_by_role("button", name="Look around").click()
    laptop.get_by_role("button", name="Back to the lesson").wait_for()
    settle(desk)
    desk.keyboard.press("PageUp")
    here(phone, "stage=feed-forward-dropout")
    assert "stage=feed-forward-shortcut" in laptop.url
    laptop.get_by_role("button", name="Back to the lesson").click()
    here(laptop, "stage=feed-forward-dropout")
    again = desk.context.new_page()
    desk.close()
    again.goto(f"{server.url}/?stage=gelu&present=1&desk=1")
    again.locator(".st-key-room", has_text=word).wait_for()
    here(phone, "stage=gelu")
    settle(again)
    again.locator(".st-key-room button").click()
    again.get_by_role("button", name="Close the room").click()
    for page in (laptop, phone):
        page.get_by_text("The lesson is over").wait_for()
    settle(again)
    again.close()
