// What moves with the pointer and the keys over a grid: the place pointed at, its lines, what is told of it, and choosing it.
import { lens, outline } from "./drawing.js"
import { area } from "./layout.js"
import { chosen, describe, firstPlace, strongest, tileAt, tileCells, within } from "./places.js"

const SLIPPED = 16 // pixels a finger moves when it does more than tap
const TOUCHABLE = 20 // pixels of a cell that a finger can choose without a lens

export function listen(view) {
  const { cells } = view
  cells.onpointermove = event => follow(view, event)
  cells.onpointerleave = event => event.pointerType !== "touch" && leave(view) // a finger that leaves has read nothing yet
  cells.onpointercancel = () => leave(view) // the page scrolls under it
  cells.onpointerdown = event => (view.down = [event.clientX, event.clientY])
  cells.onpointerup = event => {
    const moved = Math.hypot(event.clientX - view.down?.[0], event.clientY - view.down?.[1])
    if (view.touch && view.enlarged && moved > SLIPPED) choose(view, (view.focus = view.hover)) // a tap is a click
  }
  cells.onclick = event => {
    follow(view, event)
    view.keys = false
    rest(view, false)
    if (!view.hover) return
    view.focus = view.hover
    choose(view, view.hover)
  }
  cells.onfocus = () => {
    view.focus ??= firstPlace(view.grid)
    view.keys = cells.matches(":focus-visible")
    overlay(view, view.keys)
  }
  cells.onblur = () => {
    rest(view, false)
    overlay(view)
  }
  cells.onkeydown = event => press(view, event)
}

function follow(view, event) {
  const box = view.cells.getBoundingClientRect()
  view.pointer = [event.clientX - box.left, event.clientY - box.top].map(at => at / view.grow)
  view.touch = event.pointerType === "touch"
  view.hover = hit(view, ...view.pointer)
  overlay(view)
}

function leave(view) {
  view.pointer = view.hover = null
  overlay(view)
}

// After Escape the picture keeps the focus, but its keys are the page's, until Enter takes them back.
function rest(view, on) {
  view.resting = on
  view.cells.classList.toggle("resting", on)
}

function press(view, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return
  if (view.resting && event.key !== "Enter") return
  if (view.resting || event.key === "Escape") {
    rest(view, !view.resting)
    view.keys = !view.resting
    overlay(view, view.keys)
  } else if (event.key === "Enter") choose(view, view.focus)
  else if (event.key.startsWith("Arrow")) {
    view.keys = true
    view.pointer = view.hover = null
    view.focus = step(view, event.key.slice(5))
    overlay(view, true)
  } else return
  event.preventDefault()
  event.stopPropagation()
}

function choose(view, place) {
  const event = chosen(view.grid, place)
  if (event) view.send(event)
}

// The place under a point of the canvas.
function hit({ grid, ratio }, x, y) {
  for (const [panel, p] of grid.panels.entries()) {
    const inside = y >= p.y && y < p.y + p.h
    const down = Math.min(Math.floor((y - p.y) * ratio), p.down.lo.length - 1)
    if (inside && x >= p.x && x < p.x + p.w) {
      const along = Math.min(Math.floor((x - p.x) * ratio), p.along.lo.length - 1)
      const i = strongest(p, p.down.lo[down], p.down.hi[down], p.along.lo[along], p.along.hi[along])
      return { panel, row: Math.floor(i / p.cols), col: i % p.cols }
    }
    if (inside && x >= p.x - p.left && x < p.x) return { panel, row: p.down.lo[down], col: -1 }
    if (y >= p.top && y < p.y && x >= p.x && x < p.x + p.span) return { panel, row: -1, col: 0 }
  }
  return null
}

// Where an arrow key leads from the place that has the focus: the next cell, row label or title, or the panel beside.
function step({ grid, focus }, towards) {
  const { panels } = grid
  const { panel, row, col } = focus
  const p = panels[panel]
  const line = panels.filter(other => other.line === p.line)
  const beside = n => panels.indexOf(line[line.indexOf(p) + n])
  const level = lines => panels.findIndex(other => other.line === p.line + lines && other.place === p.place)
  const to = (n, r, c) => (n < 0 ? focus : within(grid, { panel: n, row: r, col: c }))
  if (towards === "Right") return col < p.cols - 1 ? to(panel, row, row < 0 ? p.cols : col + 1) : to(beside(1), row, row < 0 ? 0 : -1)
  if (towards === "Left") return col > (row < 0 ? 0 : -1) ? to(panel, row, row < 0 ? 0 : col - 1) : to(beside(-1), row, Infinity)
  if (towards === "Down") return row < p.rows - 1 ? to(panel, row + 1, col) : to(level(1), panels[level(1)]?.pick ? -1 : 0, col)
  return row > (p.pick ? -1 : 0) ? to(panel, row - 1, row ? col : Math.max(col, 0)) : to(level(-1), Infinity, col)
}

// A grid was drawn anew: what was pointed at may be elsewhere, or gone.
export function lookAgain(view) {
  view.focus = view.focus && within(view.grid, view.focus)
  view.hover = view.pointer && hit(view, ...view.pointer)
  overlay(view)
}

// ---- what is seen of it

function overlay(view, speak = false) {
  const { grid, over, cells, tip, ratio } = view
  const context = over.getContext("2d")
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.clearRect(0, 0, view.width, view.height)
  const focused = view.keys && view.frame.getRootNode().activeElement === cells
  const place = view.hover ?? (focused ? view.focus : null)
  tip.hidden = !place
  cells.style.cursor = view.hover && chosen(grid, view.hover) ? "pointer" : "default"
  if (!place) return
  mark(view, context, place)
  const said = describe(grid, place)
  if (speak) view.live.textContent = [...said.facts.map(fact => fact.join(" ")), said.head].filter(Boolean).join(", ")
  fill(tip, said)
  view.enlarged = Boolean(view.touch && view.hover) && enlarge(view, place)
  putTip(view, place)
}

// The row in every panel that has the same rows, the column, and the cell; or the tile; or the title.
function mark(view, context, { panel, row, col }) {
  const { grid, colours } = view
  const p = grid.panels[panel]
  if (row >= 0 && p.tiles) outline(view, context, p, tileCells(p, tileAt(p, { row, col })), colours.ink, 2)
  else if (row >= 0) {
    for (const other of grid.panels) {
      if (other.row_labels === p.row_labels && other.rows === p.rows) outline(view, context, other, [row, row + 1, 0, other.cols], colours.quiet, 1)
    }
    if (col < 0) return
    outline(view, context, p, [0, p.rows, col, col + 1], colours.quiet, 1)
    outline(view, context, p, [row, row + 1, col, col + 1], colours.ink, 2)
  } else if (p.pick) {
    context.strokeStyle = colours.ink
    context.lineWidth = 2
    context.strokeRect(p.x - 3, p.top + 1, Math.max(p.w, 40) + 6, p.y - p.top - 3)
  }
}

function fill(tip, { head, facts, code }) {
  const make = (kind, string) => Object.assign(document.createElement(kind), { textContent: string })
  const list = document.createElement("dl")
  for (const [name, string] of facts) list.append(make("dt", name), make("dd", string))
  tip.replaceChildren(...[head && make("b", head), list, code && make("code", code)].filter(Boolean))
}

// Under a finger cells too small for it are shown larger.
function enlarge(view, place) {
  const p = view.grid.panels[place.panel]
  if (p.tiles || place.row < 0 || place.col < 0 || Math.min(p.w / p.cols, p.h / p.rows) >= TOUCHABLE) return false
  const canvas = document.createElement("canvas")
  lens(view, canvas, p, place)
  view.tip.prepend(canvas)
  return true
}

// Beside the pointer, above a finger, or at the cell that has the focus; on its other side where there is no room.
function putTip({ grid, cells, tip, ratio, pointer, touch, width, grow }, { panel, row, col }) {
  const p = grid.panels[panel]
  const [x, y, w, h] = row < 0 || col < 0 ? [p.x, p.top, 0, p.y - p.top] : area(ratio, p, [row, row + 1, col, col + 1])
  const [px, py] = pointer ?? [x + w, y + h]
  const top = cells.getBoundingClientRect().top
  if (pointer && touch) {
    const above = py - 36 - tip.offsetHeight
    tip.style.left = `${Math.max(0, Math.min(px - tip.offsetWidth / 2, width - tip.offsetWidth))}px`
    tip.style.top = `${top + above * grow >= 0 ? above : py + 48}px`
    return
  }
  const left = px + 16 + tip.offsetWidth > width ? px - 16 - tip.offsetWidth : px + 16
  const under = top + (py + 18 + tip.offsetHeight) * grow <= window.innerHeight
  tip.style.left = `${Math.max(0, left)}px`
  tip.style.top = `${under ? py + 18 : py - 14 - tip.offsetHeight}px`
}
