"""What the last row sees: `python benchmarks/present.py` opens every stage and every experiment in Present mode at four sizes.

For each: the smallest type on screen (pixels, and as a share of the window's height), how many texts are cut off or hidden, the
share of the window that the picture takes, and the share left empty above the bar. Starts a server of its own unless --url names one.
Needs Playwright and Chromium. Nothing here is asserted by the tests.
"""

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks"), str(ROOT / "tests")]

from server import Server

from conftest import ARGUMENTS, settle
from gptviz.labs import index
from gptviz.stages import STAGES

SIZES = ((1920, 1080), (1366, 768), (1280, 720), (1024, 768))
WATCHED = """
window.drawn = new Map()
const write = CanvasRenderingContext2D.prototype.fillText
CanvasRenderingContext2D.prototype.fillText = function (string, x, y, most) {
  const {a, b, e, f} = this.getTransform(), ratio = this.canvas.width / this.canvas.clientWidth || 1
  const kept = window.drawn.get(this.canvas) ?? []
  kept.push([String(string), parseFloat(this.font.match(/([\\d.]+)px/)[1]) * Math.hypot(a, b) / ratio])
  window.drawn.set(this.canvas, kept)
  return write.call(this, string, x, y, most)
}
const clear = Object.getOwnPropertyDescriptor(HTMLCanvasElement.prototype, "width")
Object.defineProperty(HTMLCanvasElement.prototype, "width", {
  get() { return clear.get.call(this) }, set(value) { window.drawn.delete(this); clear.set.call(this, value) },
})
"""
"""Canvas remembers what is written on it since it was last cleared."""
MEASURE = """() => {
  const [W, H] = [innerWidth, innerHeight]
  const bar = document.querySelector('[data-testid=stBottom]')?.getBoundingClientRect()
  const floor = bar ? bar.top : H
  const within = rect => rect.width > 0 && rect.height > 0 && rect.bottom > 0 && rect.top < H
  const shown = node => node.checkVisibility({opacityProperty: true, visibilityProperty: true})
  const sizes = [], cut = []
  const range = document.createRange()
  const roots = [document.body, ...[...document.querySelectorAll('*')].filter(n => n.shadowRoot).map(n => n.shadowRoot)]
  for (const root of roots) {
    const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT)
    for (let text; (text = walk.nextNode());) {
      const node = text.parentElement
      if (!node || !text.data.trim() || ['STYLE', 'SCRIPT', 'NOSCRIPT'].includes(node.tagName) || !shown(node)) continue
      range.selectNodeContents(text)
      const rect = range.getBoundingClientRect()
      if (!within(rect) || rect.width < 3 || rect.height < 3) continue
      if (node.closest('.katex, [aria-hidden=true]') || text.data.startsWith('Skip to ')) continue
      let scale = 1
      for (let n = node; n; n = n.parentElement ?? n.getRootNode().host) {
        const t = getComputedStyle(n).transform
        if (t && t !== 'none' && n instanceof HTMLElement) scale *= new DOMMatrix(t).a
      }
      const size = parseFloat(getComputedStyle(node).fontSize) * scale
      sizes.push([size, text.data.trim().slice(0, 30)])
      for (let n = node; n && n !== document.body; n = n.parentElement ?? n.getRootNode().host) {
        const style = getComputedStyle(n)
        const box = n.getBoundingClientRect()
        if (/hidden|clip/.test(style.overflowX) && n.scrollWidth > n.clientWidth + 1 && rect.right > box.right + 1) { cut.push('… ' + text.data.trim().slice(0, 30)); break }
        if (n === node && rect.right > W + 1) { cut.push('| ' + text.data.trim().slice(0, 30)); break }
      }
      if (!node.closest('[data-testid=stBottom]') && rect.bottom > floor + 1 && bar) cut.push('_ ' + text.data.trim().slice(0, 30))
    }
  }
  for (const [canvas, texts] of window.drawn) {
    if (!canvas.isConnected || !canvas.clientWidth) continue
    const box = canvas.getBoundingClientRect()
    const scale = box.width / canvas.clientWidth
    for (const [string, size] of texts) {
      if (string.trim()) sizes.push([size * scale, 'canvas ' + string.slice(0, 24)])
      if (string.endsWith('…')) cut.push('… canvas ' + string.slice(0, 24))
    }
    if (bar && box.bottom > floor + 1) cut.push('_ canvas by ' + Math.round(box.bottom - floor))
  }
  const stage = document.querySelector('.st-key-stage')
  let left = 1e9, top = 1e9, right = 0, bottom = 0
  const parts = stage ? [...stage.querySelectorAll('canvas.cells, .main-svg, .chips, canvas, table, [data-testid=stDataFrame]'),
    ...[...stage.querySelectorAll('*')].filter(n => n.shadowRoot).flatMap(n => [...n.shadowRoot.querySelectorAll('canvas')])] : []
  for (const one of parts) {
    const r = one.getBoundingClientRect()
    if (r.width < 20 || r.height < 20) continue
    left = Math.min(left, r.left); top = Math.min(top, r.top); right = Math.max(right, r.right); bottom = Math.max(bottom, r.bottom)
  }
  let lowest = 0
  for (const one of document.querySelectorAll('[data-testid=stMainBlockContainer] :is(p, h1, button, canvas, svg, .chips, label), .st-key-stage')) {
    const r = one.getBoundingClientRect()
    if (within(r) && shown(one)) lowest = Math.max(lowest, r.bottom)
  }
  for (const one of parts) lowest = Math.max(lowest, one.getBoundingClientRect().bottom)
  const main = document.querySelector('[data-testid=stMain]')
  sizes.sort((a, b) => a[0] - b[0])
  return {type: sizes[0] ?? [0, ''], cut: [...new Set(cut)], share: right > left ? (right - left) * (Math.min(bottom, H) - top) / (W * H) : 0,
          blank: Math.max(0, floor - lowest) / H, scroll: main ? main.scrollHeight - main.clientHeight : 0, least: sizes.slice(0, 4)}
}"""


def addresses(only: str) -> list[tuple[str, str]]:
    """Every stage and every experiment: its name, and its page with what the address says."""
    found = [(one.key, "?" + urlencode({"stage": one.key, "present": 1})) for one in STAGES]
    for lab in index.LABS.values():
        found += [
            (f"{lab.key}/{one.key}", f"{lab.key}?" + urlencode({"view": one.key, "present": 1})) for one in lab.experiments
        ]
    return [(name, to) for name, to in found if only in name]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", help="a running server, without which one is started")
    parser.add_argument("--only", default="", help="names that hold this (default: all)")
    parser.add_argument("--size", action="append", help="such as 1366x768 (default: four sizes)")
    parser.add_argument("--theme", default="light", choices=("light", "dark"))
    parser.add_argument("--photos", type=Path, help="a folder for photographs")
    options = parser.parse_args()
    sizes = [tuple(map(int, one.split("x"))) for one in options.size or ()] or SIZES
    with ExitStack() as open_:
        url = options.url or f"http://127.0.0.1:{open_.enter_context(Server()).port}"
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(ARGUMENTS))
            page = browser.new_context(color_scheme=options.theme).new_page()
            page.add_init_script(WATCHED)
            print(f"{'':38}" + "".join(f"{f'{w} x {h}':^36}" for w, h in sizes))
            print(f"{'':38}" + f"{'type':>6}{'of h':>6}{'cut':>5}{'pict':>6}{'blank':>6}{'scr':>5}  " * len(sizes))
            for name, to in addresses(options.only):
                line, notes = f"{name:38}", []
                page.set_viewport_size({"width": sizes[0][0], "height": sizes[0][1]})
                page.goto(f"{url}/{to}", wait_until="domcontentloaded")
                for width, height in sizes:
                    page.set_viewport_size({"width": width, "height": height})
                    settle(page)
                    page.wait_for_timeout(500)
                    got = page.evaluate(MEASURE)
                    size = got["type"][0]
                    line += f"{size:6.1f}{size / height:6.1%}{len(got['cut']):5}{got['share']:6.0%}{got['blank']:6.0%}{got['scroll']:5}  "
                    notes += [f"      {width}: cut {one}" for one in got["cut"][:4]]
                    if size < 0.022 * height:
                        notes += [f"      {width}: {one[0]:.1f} px {one[1]}" for one in got["least"][:3]]
                    if options.photos:
                        options.photos.mkdir(parents=True, exist_ok=True)
                        page.screenshot(path=options.photos / f"{name.replace('/', '-')}-{width}-{options.theme}.png")
                print("\n".join([line, *notes]), flush=True)
            browser.close()


if __name__ == "__main__":
    main()
