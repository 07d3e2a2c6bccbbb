"""The drawer in a real browser: what is worked out there stays in its column, from the first name to the last number."""

from gptviz.stages import STAGES

STICKS_OUT = """() => {
    const column = document.querySelector('.st-key-words').getBoundingClientRect(), found = []
    if (column.right > innerWidth) found.push(`the column ends at ${column.right}`)
    const out = box => box.width && (box.right > column.right + 1 || box.left < column.left - 1)
    for (const one of document.querySelectorAll('.st-key-words *')) {
        if (one.closest('.katex-mathml, pre, [data-testid=stDataFrame], svg')) continue
        if (one.matches('.katex-display') ? one.scrollWidth > one.clientWidth + 1 : out(one.getBoundingClientRect()))
            found.push(`${one.className || one.tagName}: ${one.textContent.slice(0, 60)}`)
    }
    return found
}"""
DRAWN = """([key, title]) => document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'
    && location.search.includes(`stage=${key}&`) && document.querySelector('h1.title')?.innerText.includes(title)
    && document.querySelectorAll('.st-key-words .katex-display').length === 2 && document.querySelector('.check')"""
ENDS = """() => [...document.querySelectorAll('.st-key-words .katex-display')].map(one => {
    const whole = one.getBoundingClientRect(), last = [...one.querySelectorAll('.katex-html .base')].at(-1).getBoundingClientRect()
    return [last.left - whole.left, whole.right - last.right, whole.bottom - last.bottom]
})"""


def test_nothing_worked_out_is_wider_than_its_column_and_no_result_is_cut_off(server, visit):
    page, found = visit(f"{server.url}/?stage={STAGES[0].key}&drawer=recompute"), {}
    for n, stage in enumerate(STAGES):
        if n:
            page.keyboard.press("PageDown")
            page.wait_for_function(DRAWN, arg=[stage.key, stage.title], polling=50)
        ends = [f"the end of a formula lies outside: {end}" for end in page.evaluate(ENDS) if min(end) < 0]
        found[stage.key] = page.evaluate(STICKS_OUT) + ends
    assert not any(found.values()), {key: some for key, some in found.items() if some}
