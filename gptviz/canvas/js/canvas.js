// Pictures on a canvas. A page hands over an element and the bytes that gptviz.canvas made of a picture; nothing else is needed.
import { grown } from "./colours.js"
import { unpack } from "./decode.js"
import { DROPOUT } from "./dropout.js"
import { GRID } from "./grid.js"

// A kind of picture: markup, start(find) -> view, read(view, header, take) when other bytes come, draw(view, width).
const KINDS = { grid: GRID, dropout: DROPOUT }
const views = new WeakMap()

// Draw a picture in an element, or in place of the one that is there. onEvent hears what the reader does with it.
// pixels: of the screen, to one of the page; those of this screen unless given. Returns a function that takes the picture away.
export function draw(element, bytes, onEvent, pixels) {
  let view = views.get(element)
  if (view?.bytes !== bytes) {
    const { header, take } = unpack(bytes)
    const kind = KINDS[header.picture]
    if (view && view.kind !== kind) view = close(element)
    view ??= open(element, kind)
    view.bytes = bytes
    kind.read(view, header, take)
  }
  Object.assign(view, { send: onEvent, pixels })
  redraw(view)
  return () => close(element)
}

function open(element, kind) {
  const root = element instanceof ShadowRoot ? element : (element.shadowRoot ?? element.attachShadow({ mode: "open" }))
  const box = document.createElement("div")
  box.innerHTML = kind.markup
  root.append(box)
  const view = Object.assign(kind.start(name => box.querySelector(name)), { kind, box })
  const moved = () => view.frame.clientWidth !== view.width || grown(view.frame).tall !== view.tall || view.room?.offsetHeight !== view.roomy
  view.observer = new ResizeObserver(() => moved() && redraw(view))
  for (const one of [view.frame, view.room, root instanceof ShadowRoot && root.host].filter(Boolean)) view.observer.observe(one)
  document.fonts.ready.then(() => redraw(view))
  views.set(element, view)
  return view
}

function redraw(view) {
  const width = view.frame.clientWidth
  Object.assign(view, grown(view.frame))
  if (width) view.kind.draw(view, width)
}

function close(element) {
  const view = views.get(element)
  clearTimeout(view?.timer)
  view?.observer.disconnect()
  view?.box.remove()
  views.delete(element)
}
