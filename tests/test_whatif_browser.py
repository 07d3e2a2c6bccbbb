"""What if, in a real browser: a head is switched off from the list, followed to the next token, and put back."""

from urllib.parse import urlencode

from accessible import assert_accessible
from conftest import settle

LETTER = "The letter was sealed. She opened the"


def test_a_head_is_switched_off_followed_to_the_next_token_and_put_back(server, visit):
    page = visit(f"{server.url}/?{urlencode({'stage': 'context-vectors', 'text': LETTER, 'block': 6, 'head': 3})}")
    page.locator(".st-key-whatif label").first.click()
    box = page.locator(".st-key-edit input")
    box.wait_for()
    settle(page)
    box.click()
    page.get_by_role("option", name="head 6.3 is off", exact=True).click()
    page.get_by_text("KL divergence").wait_for()
    settle(page)
    assert "edit=head%3A6.3" in page.url and page.locator(".badge.edited").inner_text() == "EDITED"
    boxes = page.locator(".map .box")
    same = boxes.evaluate_all("all => all.map(box => box.classList.contains('same'))")
    dots = boxes.evaluate_all(
        "all => all.map(box => box.querySelector('.dot').hidden ? 0 : +box.querySelector('.dot').style.opacity)"
    )
    at = boxes.evaluate_all("all => all.map(box => box.dataset.key)").index("context-vectors")
    assert same == [n < at for n in range(len(same))]
    assert not any(dots[:at]) and all(0.25 < dot <= 1 for dot in dots[at:])
    assert dots[at] == max(dots), "strongest where the head is"
    assert "unchanged" in boxes.first.get_attribute("title")
    assert_accessible(page)

    said = page.locator("p.did").inner_text()
    page.locator(".map .box[data-key=softmax]").click()
    page.wait_for_function("document.querySelector('h1.title')?.innerText.includes('Softmax')")
    settle(page)
    assert page.locator("p.did").inner_text() == said, "it stays in sight"
    chart = page.locator(".st-key-stage .js-plotly-plot")
    assert "with the edit" in chart.inner_text() and page.locator("p.did").bounding_box()["y"] < 300
    again = visit(page.url)
    assert again.locator("p.did").inner_text() == said
    again.close()

    page.locator(".st-key-undo-edits button").click()
    page.get_by_text("Nothing is changed").wait_for()
    settle(page)
    assert "edit=" not in page.url and not page.locator(".map .box.same").count() and not page.locator(".badge.edited").count()
    assert page.locator(".map .dot:not([hidden])").count() == 0
    assert "with the edit" not in chart.inner_text()
