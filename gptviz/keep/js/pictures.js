// Pictures, formulas and the other parts of a page, made from what a file holds.
import { draw } from "./canvas.js"
import { drawChart } from "./chart.js"
import { formula } from "./formula.js"
import { pictureBytes } from "./kept.js"

export const byId = name => document.getElementById(name)

export function node(tag, className, ...inside) {
  const made = document.createElement(tag)
  if (className) made.className = className
  made.append(...inside.filter(one => one !== null && one !== undefined))
  return made
}

const asked = () => (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")
export const mode = () => document.documentElement.dataset.theme ?? asked()

// A kept picture in an element. said: what it shows, in words. cell: the number outlined in it. on: hears what the reader does in it.
// pixels: of the paper or screen, to one of the page. before: what was drawn there. Returns its kind, how to draw it again, and
// how to take it away.
export function drawn(store, place, kept, { said, cell, on, pixels, before }) {
  if (kept.kind === "chips") {
    place.innerHTML = kept.html // made by gptviz, every text in it escaped
    return { kind: "chips", close: () => {}, redraw: () => {} }
  }
  if (kept.kind === "chart") {
    before?.close()
    return chart(store, place, kept, said)
  }
  return cells(store, place, kept, cell, on, pixels)
}

function chart(store, place, kept, said) {
  const look = () => {
    const style = getComputedStyle(document.documentElement)
    return { ink: style.getPropertyValue("--st-text-color").trim(), deeper: mode() === "light" ? store.content.deeper : {},
      family: style.getPropertyValue("--st-font").trim() }
  }
  const box = node("div", "chart")
  box.setAttribute("role", "img")
  box.setAttribute("aria-label", said)
  place.replaceChildren(box)
  return { kind: "chart", ...drawChart(box, kept.figure, look) }
}

function cells(store, place, kept, cell, on, pixels) {
  const box = place.firstElementChild ?? place.appendChild(node("div", "cells"))
  const bytes = pictureBytes(store, cell && kept.header.panels ? outlined(kept, cell) : kept)
  let close = null
  const redraw = () => (close = draw(box, bytes, on, pixels))
  redraw()
  return { kind: kept.kind, redraw, close: () => close() }
}

// The same picture with the chosen number outlined wherever it stands.
export function outlined(kept, { point, index }) {
  const find = p => {
    if (p.point !== point || p.prefix.join() !== index.slice(0, -2).join()) return null
    const [r, c] = [p.row_index ? p.row_index.indexOf(index.at(-2)) : index.at(-2),
      p.column_index ? p.column_index.indexOf(index.at(-1)) : index.at(-1)]
    return r >= 0 && c >= 0 && r < p.rows * p.pool && c < p.cols * p.pool ? [r, c] : null
  }
  return { ...kept, header: { ...kept.header, panels: kept.header.panels.map(p => ({ ...p, cell: find(p) })) } }
}

// A formula, which scrolls by itself where it is wider than the page.
export function scrolled(latex) {
  const box = node("div", "math", formula(latex))
  box.tabIndex = 0
  box.setAttribute("role", "group")
  box.setAttribute("aria-label", "Formula")
  return box
}
