"""A step of the walk as a Jupyter widget, which tells what was clicked. Needs anywidget."""

import anywidget
import traitlets

TOLD = """
function render({ model, el }) {
  const frame = document.createElement("iframe")
  frame.sandbox = "allow-scripts"
  frame.title = "gptviz"
  frame.style.cssText = `width: 100%; height: ${model.get("height")}px; border: 1px solid gray`
  frame.srcdoc = model.get("html")
  const hear = event => {
    if (event.source !== frame.contentWindow || !event.data?.gptviz) return
    const { point, index } = event.data.gptviz
    model.set("clicked", [point, index])
    model.save_changes()
  }
  addEventListener("message", hear)
  el.append(frame)
  return () => removeEventListener("message", hear)
}
export default { render }
"""


class Step(anywidget.AnyWidget):
    """html: a kept page. clicked: (point, index) of the number that was clicked last, () before."""

    _esm = TOLD
    html = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int().tag(sync=True)
    clicked = traitlets.Tuple().tag(sync=True, from_json=lambda said, _: (said[0], tuple(said[1])) if said else ())
