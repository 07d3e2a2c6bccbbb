// Draws the panels of a gptviz.figures.matrix.Grid on a canvas and says which cell the reader points at.
// `data` is what payload() in __init__.py makes: header length, JSON header, then the numbers of every panel.

const MASKED = 1
const DROPPED = 2
const PADDING = 3
const STEPS = 1024 // colours of a scale
const DIM = 0.55 // opacity of the step before
const HATCH = 7 // pixels from one hatch line to the next
const ROUND = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
const NORMAL = { title: 15, label: 13, small: 12, least: 11, gap: 16, row: 46, both: 60, square: 84, narrow: 130, name: 120, floor: 28, bar: 56 }
const LARGE = { title: 28, label: 24, small: 24, least: 20, gap: 26, row: 72, both: 84, square: 110, narrow: 260, name: 220, floor: 40, bar: 90 }

const views = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  const view = views.get(parentElement) ?? create(parentElement)
  views.set(parentElement, view)
  view.send = event => event && setTriggerValue("event", event)
  if (view.data !== data) {
    view.data = data
    view.grid = decode(data)
  }
  draw(view)
  return () => {
    view.observer.disconnect()
    views.delete(parentElement)
  }
}

function decode(bytes) {
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)
  const grid = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size)))
  let at = 4 + size
  const take = (Kind, count) => new Kind(bytes.slice(at, (at += count * Kind.BYTES_PER_ELEMENT)).buffer)
  for (const p of grid.panels) {
    const count = p.rows * p.cols
    if (grid.exact) p.values = take(Float32Array, count)
    else {
      const codes = take(Uint8Array, count)
      const numbers = Float32Array.from({ length: 256 }, (_, code) => p.low + ((code - 1) * (p.high - p.low)) / (grid.levels - 1))
      p.values = new Float32Array(count)
      for (let i = 0; i < count; i++) p.values[i] = numbers[codes[i]]
    }
    p.marks = p.marked ? take(Uint8Array, count) : null
    p.winners = p.pool > 1 ? take(Uint16Array, count) : null
    p.rowLabels = grid.labels[p.row_labels]
    p.columnLabels = grid.labels[p.column_labels]
    p.sideTexts = grid.labels[p.side]
  }
  return grid
}

function create(root) {
  const find = name => root.querySelector("." + name)
  const view = { version: 0, focus: null, hover: null, pointer: null, keys: false }
  for (const name of ["matrix", "cells", "over", "tip", "foot", "live"]) view[name] = find(name)
  const { cells } = view
  view.text = cells.getContext("2d")
  const follow = e => {
    const box = cells.getBoundingClientRect()
    view.pointer = [e.clientX - box.left, e.clientY - box.top]
    view.hover = hit(view, ...view.pointer)
    overlay(view)
  }
  cells.onpointermove = follow
  cells.onpointerleave = e => {
    if (e.pointerType === "touch") return // a finger that leaves has read nothing yet
    view.pointer = view.hover = null
    overlay(view)
  }
  cells.onclick = e => {
    follow(e)
    view.keys = false
    if (!view.hover) return
    view.focus = view.hover
    view.send(chosen(view.grid, view.hover))
  }
  cells.onfocus = () => {
    view.focus ??= first(view.grid)
    view.keys = cells.matches(":focus-visible")
    overlay(view, view.keys)
  }
  cells.onblur = () => overlay(view)
  cells.onkeydown = e => {
    if (e.ctrlKey || e.metaKey || e.altKey) return
    if (e.key === "Escape") cells.blur()
    else if (e.key === "Enter") view.send(chosen(view.grid, view.focus))
    else if (e.key.startsWith("Arrow")) {
      view.keys = true
      view.pointer = view.hover = null
      view.focus = step(view, e.key.slice(5))
      overlay(view, true)
    } else return
    e.preventDefault()
    e.stopPropagation()
  }
  view.observer = new ResizeObserver(() => view.grid && view.matrix.clientWidth !== view.width && draw(view))
  view.observer.observe(view.matrix)
  document.fonts.ready.then(() => view.grid && draw(view))
  return view
}

// ---- what a place means. A place is {panel, row, col} in drawn cells; row -1 is the title, col -1 the row's label.

function first(grid) {
  const n = grid.panels.findLastIndex(p => !p.dim)
  const p = grid.panels[n]
  const at = p.cell ?? [p.selected ?? 0, 0]
  return { panel: n, row: Math.floor(at[0] / p.pool), col: Math.floor(at[1] / p.pool) }
}

function clamp(grid, place) {
  const p = grid.panels[place.panel]
  return p && { panel: place.panel, row: Math.min(place.row, p.rows - 1), col: Math.min(place.col, p.cols - 1) }
}

function locate(p, { row, col }) {
  const r = Math.max(row, 0)
  const c = Math.max(col, 0)
  const winner = p.winners && col >= 0 ? p.winners[r * p.cols + c] : 0
  const place = [r * p.pool + Math.floor(winner / p.pool), c * p.pool + (winner % p.pool)]
  return { label: place, index: [p.row_index?.[place[0]] ?? place[0], p.column_index?.[place[1]] ?? place[1]] }
}

// The number of the tile a place lies in, and the cells of a tile.
function tile(p, place) {
  const { rows, columns, gap, across } = p.tiles
  const [r, c] = locate(p, place).label
  return Math.floor(r / (rows + gap)) * across + Math.floor(c / (columns + gap))
}

function tileCells(p, n) {
  const { rows, columns, gap, across } = p.tiles
  const [r, c] = [Math.floor(n / across) * (rows + gap), (n % across) * (columns + gap)]
  return [r / p.pool, Math.min(p.rows, (r + rows) / p.pool), c / p.pool, Math.min(p.cols, (c + columns) / p.pool)].map(Math.floor)
}

function chosen(grid, place) {
  const p = grid.panels[place.panel]
  const { index } = locate(p, place)
  if (place.row < 0) return p.pick && { kind: "pick", field: p.pick[0], value: p.pick[1] }
  if (p.tiles) return place.col >= 0 && { kind: "pick", field: p.tiles.field, value: p.tiles.values[tile(p, place)] }
  if (place.col < 0) return { kind: "row", row: index[0], axis: p.row_axis }
  return p.point && { kind: "cell", point: p.point, index: [...p.prefix, ...index] }
}

const signed = text => text.replace(/-/g, "−")
const digits = (value, count) => signed(String(Number(value.toPrecision(count))))
const limits = p => [digits(p.low, 3), digits(p.high, 3)]
const range = p => (p.range ? `values ${digits(p.range[0], 3)} to ${digits(p.range[1], 3)}` : "no values")

function describe(grid, place) {
  const p = grid.panels[place.panel]
  const [low, high] = limits(p)
  if (place.row < 0) return { head: p.title, facts: [["", range(p)], ["", `colours ${low} to ${high}`]], code: p.point }
  const { label, index } = locate(p, place)
  const facts = [[p.row_axis || "row", p.rowLabels[label[0]] || String(index[0])]]
  if (p.sideTexts) facts.push([p.side_title, p.sideTexts[label[0]]])
  if (place.col < 0) return { head: "", facts, code: "" }
  facts.splice(1, 0, [p.column_axis || "column", p.columnLabels?.[label[1]] ?? String(index[1])])
  const i = place.row * p.cols + place.col
  const value = p.values[i]
  let head = Number.isFinite(value) ? digits(value, 6) : signed(String(value)).replace("Infinity", "∞")
  if (!grid.exact) head = value < p.low ? `below ${low}` : value > p.high ? `above ${high}` : `about ${digits(value, 3)}`
  const mark = p.marks?.[i]
  if (mark === PADDING || Number.isNaN(value)) head = "no number"
  if (mark === MASKED) head = grid.exact ? `${head}, masked` : "masked"
  if (mark === DROPPED) head = "0, dropped"
  if (p.tiles) {
    const name = p.tiles.names[tile(p, place)]
    if (head === "no number") return { head: name, facts: [], code: "" }
    facts.unshift(["", name])
  }
  return { head, facts, code: p.point && `${p.point}[${[...p.prefix, ...index].join(", ")}]` }
}

// The cell that stands for a block of cells: the largest magnitude; marked cells and blanks only when there is nothing else.
function strongest(p, r0, r1, c0, c1) {
  let best = r0 * p.cols + c0
  if (r1 - r0 === 1 && c1 - c0 === 1) return best
  let most = -1
  for (let r = r0; r < r1; r++) {
    for (let i = r * p.cols + c0; i < r * p.cols + c1; i++) {
      const size = p.marks?.[i] ? -0.5 : Number.isFinite(p.values[i]) ? Math.abs(p.values[i]) : -0.75
      if (size > most) [best, most] = [i, size]
    }
  }
  return best
}

function hit(view, x, y) {
  for (const [panel, p] of view.grid.panels.entries()) {
    const inside = y >= p.y && y < p.y + p.h
    const down = Math.min(Math.floor((y - p.y) * view.ratio), p.down.lo.length - 1)
    if (inside && x >= p.x && x < p.x + p.w) {
      const along = Math.min(Math.floor((x - p.x) * view.ratio), p.along.lo.length - 1)
      const i = strongest(p, p.down.lo[down], p.down.hi[down], p.along.lo[along], p.along.hi[along])
      return { panel, row: Math.floor(i / p.cols), col: i % p.cols }
    }
    if (inside && x >= p.x - p.left && x < p.x) return { panel, row: p.down.lo[down], col: -1 }
    if (y >= p.top && y < p.y && x >= p.x && x < p.x + p.span) return { panel, row: -1, col: 0 }
  }
  return null
}

function step(view, towards) {
  const { panels } = view.grid
  const { panel, row, col } = view.focus
  const p = panels[panel]
  const line = panels.filter(other => other.line === p.line)
  const beside = n => panels.indexOf(line[line.indexOf(p) + n])
  const level = lines => panels.findIndex(other => other.line === p.line + lines && other.place === p.place)
  const to = (n, r, c) => (n < 0 ? view.focus : clamp(view.grid, { panel: n, row: r, col: c }))
  if (towards === "Right") return col < p.cols - 1 ? to(panel, row, row < 0 ? p.cols : col + 1) : to(beside(1), row, row < 0 ? 0 : -1)
  if (towards === "Left") return col > (row < 0 ? 0 : -1) ? to(panel, row, row < 0 ? 0 : col - 1) : to(beside(-1), row, Infinity)
  if (towards === "Down") return row < p.rows - 1 ? to(panel, row + 1, col) : to(level(1), panels[level(1)]?.pick ? -1 : 0, col)
  return row > (p.pick ? -1 : 0) ? to(panel, row - 1, row ? col : Math.max(col, 0)) : to(level(-1), Infinity, col)
}

// ---- layout, in CSS pixels

const clip = (context, text, room) => {
  if (context.measureText(text).width <= room) return text
  let end = text.length
  while (end > 1 && context.measureText(text.slice(0, end) + "…").width > room) end--
  return text.slice(0, end) + "…"
}
const spaced = (pitch, room) => ROUND.find(n => n * pitch >= room) ?? Math.ceil(room / pitch)

function layout(view, width, height) {
  const { grid, text, size } = view
  const { panels } = grid
  const wide = (string, font) => ((text.font = view.font[font]), text.measureText(string).width)
  const widest = (strings, font, most) => Math.min(most, Math.max(0, ...strings.slice(0, 400).map(string => wide(string, font))))
  const padding = room => (room ? room + 10 : 0)
  const labelled = panels.some(p => p.row_axis || p.columnLabels)

  const wanted = Math.min(grid.per_row, panels.length)
  let across = wanted
  while (across > 1 && width / across < size.narrow * (labelled ? (wanted < 4 ? 1.5 : 1) : 0.4)) across--
  height *= Math.ceil(panels.length / across) / Math.ceil(panels.length / wanted) // a narrow screen gets more lines
  const lines = []
  panels.forEach((p, n) => {
    Object.assign(p, { line: Math.floor(n / across), place: n % across })
    ;(lines[p.line] ??= []).push(p)
  })
  view.shared = panels.length > 2 && panels.every(p => p.scale === panels[0].scale && p.low === panels[0].low && p.high === panels[0].high)

  // Around the cells: row labels left, side texts right, a joiner between panels, room for a frame.
  const most = Math.min(size.name, width * 0.2)
  const frame = panels.some(p => p.chosen) ? 6 : 3
  for (const [l, line] of lines.entries()) {
    line.aligned = line.every(p => p.row_labels === line[0].row_labels && p.rows === line[0].rows)
    line.squares = line.filter(p => p.square).length
    line.across = line.squares ? across : line.length
    line.forEach(p => Object.assign(p, { mixed: line.squares > 0 && line.squares < line.length, last: p === line.at(-1) }))
    for (const [k, p] of line.entries()) {
      const below = lines[l + 1]?.[k]
      p.ownRows = k === 0 || !line.aligned
      p.ownColumns = !below || below.cols !== p.cols || below.column_labels !== p.column_labels || below.square !== p.square
      p.cap = p.mixed && line.aligned ? size.both : p.square ? size.square : size.row
      const names = p.tiles?.row_names.length ? [p.tiles.row_names] : [p.rowLabels, [p.row_axis]]
      p.left = p.ownRows ? padding(Math.max(...names.map((some, n) => widest(some, n ? "small" : "bold", most)))) : 0
      p.right = p.sideTexts ? padding(Math.max(widest(p.sideTexts, "bold", most), widest([p.side_title], "small", most))) : 0
      p.before = k === 0 ? frame : p.joiner ? wide(p.joiner, "title") + 2 * size.gap : p.ownRows && p.left ? size.gap * 1.5 : size.gap
    }
  }
  for (let k = 0; k < across; k++) {
    for (const name of ["left", "before", "right"]) {
      const column = lines.map(line => line[k]).filter(Boolean)
      const room = Math.max(...column.map(p => p[name]))
      column.forEach(p => (p[name] = room))
    }
  }
  const free = line => line.reduce((room, p) => room - p.left - p.right - p.before, width - frame)
  const share = Math.max(30, Math.min(...lines.map(line => free(line) / line.across)))

  // Heights depend on how column labels and legends fit, which depends on widths: three rounds settle it.
  const top = size.title + 10
  const between = lines.length > 4 ? 6 : size.gap * 0.75
  const foot = view.shared ? size.small + 8 : 0
  for (const p of panels) Object.assign(p, { w: share, h: share, room: share })
  for (let round = 0; round < 3; round++) {
    for (const p of panels) Object.assign(p, below(p), { legend: legend(view, p, wide) })
    const bottoms = lines.map(line => Math.max(...line.map(p => p.tick)) + (line.some(p => p.legend.below) ? size.small + 7 : 0))
    const side = line => (line.squares === line.length ? share : (free(line) * 0.9) / across)
    const wants = lines.map(line => Math.max(...line.map(p => (p.square ? Math.min(p.rows * p.cap, side(line)) : p.rows * p.cap))))
    let left = height - frame * 2 - foot - bottoms.reduce((sum, bottom) => sum + top + bottom, 0) - between * (lines.length - 1)
    const give = []
    const order = lines.map((_, l) => l).sort((a, b) => wants[a] - wants[b])
    order.forEach((l, n) => {
      give[l] = Math.max(size.floor, Math.min(wants[l], left / (order.length - n)))
      left -= give[l]
    })
    let y = frame
    for (const [l, line] of lines.entries()) {
      const tall = line.squares && line.aligned ? Math.min(give[l], side(line)) : give[l]
      for (const p of line) {
        p.legendTop = Math.max(...line.map(other => other.tick))
        const h = Math.min(p.rows * p.cap, p.square ? Math.min(tall, side(line)) : tall) * view.ratio
        p.h = (h >= 4 * p.rows ? Math.floor(h / p.rows) * p.rows : h) / view.ratio
      }
      // A title or legend may need more width than its cells; strips share what the squares leave.
      const spread = (p, room) => {
        const title = wide(p.title, "title") + 14
        p.room = room
        p.reach = p.sideTexts ? Math.max(p.w, Math.min(title, room - p.right)) : p.w
        p.span = Math.max(p.reach + p.right, Math.min(room, Math.max(title, p.legend.width + (p.legend.below ? 0 : p.legend.x))))
      }
      let rest = free(line)
      for (const p of line.filter(p => p.square)) {
        p.w = p.h
        spread(p, p.last && line.squares === line.length ? width - frame - (p.x ?? width - frame - share) : Math.max(p.w, share) + p.right)
        rest -= p.span - p.right
      }
      rest /= line.across - line.squares
      for (const p of line.filter(p => !p.square)) {
        p.w = p.columnLabels ? Math.min(rest, p.cols * size.square * 1.4) : rest
        spread(p, rest + p.right)
      }
      let x = 0
      for (const p of line) {
        Object.assign(p, { top: y, y: y + top, x: x + p.before + p.left })
        x = p.x + p.span
      }
      y += top + Math.max(...line.map(p => p.h)) + bottoms[l] + between
    }
    view.legendY = y - between + frame - 3
    view.height = Math.ceil(view.legendY + foot + frame)
  }
  for (const p of panels) {
    for (const name of ["x", "y", "w", "h"]) p[name] = Math.round(p[name] * view.ratio) / view.ratio
    p.along = spans(Math.round(p.w * view.ratio), p.cols)
    p.down = spans(Math.round(p.h * view.ratio), p.rows)
  }

  // Column labels: flat if they fit, else slanted where that takes little height, else only their first word, the number.
  function below(p) {
    const line = size.label + 6
    if (p.tiles?.column_names.length) return { tick: line, tilt: false, brief: false, axisBelow: false }
    const repeated = p.place > 0 && !p.ownRows && lines[p.line][0].column_axis === p.column_axis
    if (!p.ownColumns || !(p.column_axis || p.columnLabels)) return { tick: 4, tilt: false, brief: false, axisBelow: false }
    const pitch = p.w / p.cols
    const needed = p.columnLabels ? widest(p.columnLabels, "label", most) : 0
    const slanted = needed * 0.71 + size.label * 0.75 + 6
    const flat = needed <= pitch - 6
    const tilt = !flat && pitch >= size.label + 5 && slanted < 0.25 * (p.h + slanted)
    const axisBelow = (tilt || !p.ownRows || wide(p.column_axis, "small") > p.left - 8) && !repeated
    return { tick: (tilt ? slanted : line) + (axisBelow ? size.small + 3 : 0), tilt, brief: Boolean(p.columnLabels) && !flat, axisBelow }
  }
}

const keys = p =>
  [p.marks?.includes(MASKED) && "hatched: masked", p.marks?.includes(DROPPED) && "crossed: dropped"].filter(Boolean).join(", ")

// Colour bar, range of the values and key to the marks: as much as fits, on the title's line or else under the panel.
function legend(view, p, wide) {
  const key = keys(p)
  const widths = { bar: wide(limits(p).join(""), "small") + view.size.bar + view.size.small, range: wide(range(p), "small"), key: key && wide(key, "small") }
  const make = (...parts) => {
    const shown = parts.filter(part => widths[part])
    return { parts: shown, width: shown.reduce((sum, part) => sum + widths[part], 14 * (shown.length - 1)), x: 0 }
  }
  const taken = wide(p.joiner && p.place === 0 ? `${p.joiner} ${p.title}` : p.title, "title") + 34
  const most = p.last && !view.shared && !p.sideTexts && !p.mixed ? Math.max(p.w, p.room) : p.w
  const beside = option => taken + option.width <= most && { ...option, x: Math.max(taken, p.w - option.width) }
  const under = option => option.width <= p.room && { ...option, below: true }
  if (view.shared) return beside(make("range")) || make()
  const full = make("bar", "range", "key")
  const main = make("bar", "range")
  return beside(full) || beside(main) || under(full) || under(main) || beside(make("bar")) || under(make("bar")) || make()
}

// Which cells every device pixel of an axis shows: [lo, hi). edge(c) is the first pixel of cell c.
function spans(pixels, count) {
  const lo = new Int32Array(pixels)
  const hi = new Int32Array(pixels)
  for (let i = 0; i < pixels; i++) {
    lo[i] = Math.floor(((pixels < count ? i : i + 0.5) * count) / pixels)
    hi[i] = pixels < count ? Math.ceil(((i + 1) * count) / pixels) : lo[i] + 1
  }
  const edge = pixels < count ? c => Math.floor((c * pixels) / count) : c => Math.ceil((c * pixels) / count - 0.5)
  return { lo, hi, edge }
}

function footer(view) {
  const { grid, ratio } = view
  const { panels } = grid
  const says = [grid.note]
  const cells = Math.max(...panels.map(p => Math.max(1, p.rows / (p.h * ratio)) * Math.max(1, p.cols / (p.w * ratio))))
  const key = panels.find(keys)
  if (key && !view.shared && !panels.some(p => p.legend.parts.includes("key"))) says.push(`${keys(key)[0].toUpperCase()}${keys(key).slice(1)}.`)
  if (!view.shared && !panels.every(p => p.legend.parts.includes("bar"))) says.push("Every panel has its own colour limits: point at its title.")
  const pooled = Math.max(...panels.map(p => p.pool))
  if (pooled > 1) says.push(`Each cell is the largest of ${pooled} × ${pooled}.`)
  if (cells > 1.01) says.push(`Each pixel shows the largest of up to ${Math.ceil(cells)} cells.`)
  if (!grid.exact) says.push(`Numbers in ${grid.levels} levels; click a cell for the exact number.`)
  return says.filter(Boolean).join(" ")
}

// ---- colours

const rgb = hex => [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16))
const packed = ([r, g, b]) => ((255 << 24) | (Math.round(b) << 16) | (Math.round(g) << 8) | Math.round(r)) >>> 0
const mixed = (a, b, t) => a.map((x, n) => x + (b[n] - x) * t)
const css = colour => `rgb(${colour.map(Math.round).join(",")})`
const luminance = colour => {
  const [r, g, b] = colour.map(x => (x <= 10 ? x / 3294 : ((x / 255 + 0.055) / 1.055) ** 2.4))
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}
const legible = colour => (luminance(colour) > 0.18 ? "#000000" : "#FFFFFF")

function palette(view) {
  const style = getComputedStyle(view.matrix)
  const read = (name, otherwise) => {
    view.text.fillStyle = otherwise
    view.text.fillStyle = style.getPropertyValue(name).trim() || otherwise
    const colour = view.text.fillStyle
    return colour.startsWith("#") ? rgb(colour) : colour.match(/[\d.]+/g).slice(0, 3).map(Number)
  }
  const paper = read("--st-background-color", "#ffffff")
  const dark = luminance(paper) < 0.18
  const ink = read("--st-text-color", dark ? "#eeeeee" : "#222222")
  const mode = dark ? "dark" : "light"
  const [hidden, line] = view.grid.hidden[mode].map(rgb)
  const accent = css(read("--st-primary-color", "#0060a0"))
  view.colours = { paper, ink: css(ink), quiet: css(mixed(ink, paper, 0.28)), rule: css(mixed(ink, paper, 0.84)), back: css(paper), accent, hidden, line, mode }
  const family = style.getPropertyValue("--st-font").trim() || "sans-serif"
  const { title, label, small } = view.size
  view.font = { title: `600 ${title}px ${family}`, label: `${label}px ${family}`, bold: `600 ${label}px ${family}`, small: `${small}px ${family}`, family }
}

function ramp(view, p) {
  const stops = view.grid.scales[p.scale][view.colours.mode].map(rgb)
  return Array.from({ length: STEPS }, (_, n) => {
    const at = (n / (STEPS - 1)) * (stops.length - 1)
    const k = Math.min(Math.floor(at), stops.length - 2)
    const colour = mixed(stops[k], stops[k + 1], at - k)
    return p.dim ? mixed(view.colours.paper, colour, DIM) : colour
  })
}

const beyond = (p, value) => Math.max(p.low - value, value - p.high) > (p.high - p.low) * 1e-5
const shade = (p, value) => Math.round(Math.min(1, Math.max(0, (value - p.low) / (p.high - p.low || 1))) * (STEPS - 1))

// ---- drawing

function draw(view) {
  const width = view.matrix.clientWidth
  if (!width) return
  const { grid, cells, over, foot, text } = view
  view.width = width
  view.ratio = window.devicePixelRatio || 1
  view.size = grid.present ? LARGE : NORMAL
  view.matrix.classList.toggle("present", grid.present)
  foot.classList.toggle("large", grid.present)
  palette(view)
  for (let round = 0; round < 2; round++) {
    layout(view, width, grid.height - foot.offsetHeight)
    foot.textContent = footer(view)
  }
  for (const canvas of [cells, over]) {
    canvas.width = Math.round(width * view.ratio)
    canvas.height = Math.round(view.height * view.ratio)
    canvas.style.height = `${view.height}px`
  }
  text.setTransform(view.ratio, 0, 0, view.ratio, 0, 0)
  for (const p of grid.panels) {
    p.ramp = ramp(view, p)
    paint(view, p)
    grain(view, p)
    write(view, p)
  }
  if (view.shared) drawLegend(view, grid.panels[0], grid.panels[0].x, view.legendY + view.size.small, ["bar", "key"])
  cells.setAttribute("aria-label", `${grid.alt} Arrow keys move between cells, Enter chooses one.`)
  cells.gptviz = { version: ++view.version, panels: grid.panels.map(({ x, y, w, h, rows, cols, top, left }) => ({ x, y, w, h, rows, cols, top, left })) }
  cells.dataset.ready = view.version
  view.focus = view.focus && clamp(grid, view.focus)
  view.hover = view.pointer && hit(view, ...view.pointer)
  overlay(view)
}

// Every device pixel of a panel gets the colour of the cell under it.
function paint(view, p) {
  const { hidden, line, paper } = view.colours
  const { lo, hi } = p.along
  const [across, down] = [lo.length, p.down.lo.length]
  const image = view.text.createImageData(across, down)
  const out = new Uint32Array(image.data.buffer)
  const colours = Uint32Array.from(p.ramp, packed)
  const period = Math.max(4, Math.round(HATCH * view.ratio))
  const hatch = Array.from({ length: period }, (_, n) => packed(mixed(line, hidden, Math.min(1, Math.abs(n - 1) / view.ratio))))
  const [plain, blank] = [packed(hidden), packed(paper)]
  const row = new Int32Array(across)
  for (let y = 0; y < down; y++) {
    const [r0, r1] = [p.down.lo[y], p.down.hi[y]]
    if (y === 0 || r0 !== p.down.lo[y - 1] || r1 !== p.down.hi[y - 1]) {
      for (let x = 0; x < across; x++) {
        const i = strongest(p, r0, r1, lo[x], hi[x])
        const mark = p.marks?.[i]
        row[x] = mark ? -mark : Number.isFinite(p.values[i]) ? shade(p, p.values[i]) : -PADDING
      }
    }
    for (let x = 0; x < across; x++) {
      const code = row[x]
      out[y * across + x] = code >= 0 ? colours[code] : code === -MASKED ? hatch[(x + y) % period] : code === -DROPPED ? plain : blank
    }
  }
  view.text.putImageData(image, Math.round(p.x * view.ratio), Math.round(p.y * view.ratio))
}

// The rectangle of some cells, in CSS pixels.
function area(view, p, r0, r1, c0, c1) {
  const [x0, x1] = [p.along.edge(c0), p.along.edge(c1)]
  const [y0, y1] = [p.down.edge(r0), p.down.edge(r1)]
  return [p.x + x0 / view.ratio, p.y + y0 / view.ratio, Math.max(x1 - x0, 1) / view.ratio, Math.max(y1 - y0, 1) / view.ratio]
}

// What cells of some size carry besides their colour: gaps, crosses, corner marks, their number.
function grain(view, p) {
  const { text, colours, ratio, size } = view
  const [cw, ch] = [p.w / p.cols, p.h / p.rows]
  const small = Math.min(cw, ch)
  text.fillStyle = (p.columnLabels || p.square) && !p.tiles ? colours.rule : colours.back
  if (ch >= 7) for (let r = 1; r < p.rows; r++) text.fillRect(p.x, p.y + p.down.edge(r) / ratio - 1 / ratio, p.w, (ch >= 14 ? 2 : 1) / ratio)
  if (cw >= 7) for (let c = 1; c < p.cols; c++) text.fillRect(p.x + p.along.edge(c) / ratio - 1 / ratio, p.y, (cw >= 14 ? 2 : 1) / ratio, p.h)
  text.strokeStyle = colours.rule
  text.lineWidth = 1
  const frames = p.tiles?.gap ? p.tiles.names.map((_, n) => area(view, p, ...tileCells(p, n))) : [[p.x, p.y, p.w, p.h]]
  for (const [x, y, w, h] of frames) text.strokeRect(x - 0.5, y - 0.5, w + 1, h + 1)
  let numbers = []
  let type = 0
  for (const digits of p.prints ? [2, 1] : []) {
    if (type) break
    numbers = Array.from(p.values, value => (value === -Infinity ? "−∞" : Number.isFinite(value) ? signed(value.toFixed(digits)) : ""))
    text.font = `100px ${view.font.family}`
    const longest = Math.max(...numbers.map(number => text.measureText(number).width)) / 100
    type = Math.min(size.label + 2, Math.floor((cw - 6) / longest), Math.floor(ch - 4))
    if (type < size.least) type = 0
  }
  if (small < 4 && !type) return
  const cross = Math.min(small * 0.28, 9)
  for (let r = 0, i = 0; r < p.rows; r++) {
    for (let c = 0; c < p.cols; c++, i++) {
      const [x, y, w, h] = area(view, p, r, r + 1, c, c + 1)
      const mark = p.marks?.[i]
      const value = p.values[i]
      if (mark === DROPPED && small >= 4) {
        text.strokeStyle = css(colours.line)
        text.lineWidth = Math.min(2, Math.max(1, small / 14))
        text.beginPath()
        for (const way of [1, -1]) {
          text.moveTo(x + w / 2 - cross, y + h / 2 - way * cross)
          text.lineTo(x + w / 2 + cross, y + h / 2 + way * cross)
        }
        text.stroke()
      }
      const back = mark ? colours.hidden : Number.isFinite(value) ? p.ramp[shade(p, value)] : colours.paper
      text.fillStyle = legible(back)
      if (!mark && small >= 8 && Number.isFinite(value) && beyond(p, value)) {
        const side = Math.min(7, small / 3)
        text.beginPath()
        text.moveTo(x + w - 2, y + 2)
        text.lineTo(x + w - 2 - side, y + 2)
        text.lineTo(x + w - 2, y + 2 + side)
        text.fill()
      }
      if (type && numbers[i] && (!mark || value === -Infinity)) {
        text.font = `${type}px ${view.font.family}`
        if (mark) {
          const wide = text.measureText(numbers[i]).width + 6
          text.fillStyle = css(colours.hidden)
          text.fillRect(x + w / 2 - wide / 2, y + h / 2 - type / 2 - 1, wide, type + 2)
          text.fillStyle = legible(back)
        }
        put(text, numbers[i], x + w / 2, y + h / 2 + type * 0.35, "center")
      }
    }
  }
}

function put(text, string, x, y, align = "left") {
  text.textAlign = align
  text.fillText(string, x, y)
}

// Everything around the cells: title, legend, joiner, labels, axes, side texts, outlines.
function write(view, p) {
  const { text, colours, font, size, grid } = view
  const [cw, ch] = [p.w / p.cols, p.h / p.rows]
  const line = p.top + size.title + 1
  const normal = p.dim ? colours.quiet : colours.ink
  const use = (name, colour) => ((text.font = font[name]), (text.fillStyle = colour))
  const stacked = p.joiner && p.place === 0

  use("title", normal)
  if (p.joiner && !stacked) put(text, p.joiner, (p.x - p.left + endOf(view, p)) / 2, p.y + p.h / 2 + size.title * 0.35, "center")
  const titleRoom = p.legend.parts.length && !p.legend.below ? p.span : Math.max(p.reach, p.span - p.right) - 10
  const title = clip(text, stacked ? `${p.joiner} ${p.title}` : p.title, titleRoom)
  put(text, title, p.x + 10, line)
  text.fillStyle = p.colour
  text.fillRect(p.x, p.top + 3, 4, size.title)
  if (p.pick) {
    text.fillStyle = colours.quiet
    text.font = font.title
    for (let x = 0, end = text.measureText(title).width; x < end; x += 4) text.fillRect(p.x + 10 + x, line + 4, 2, 1)
  }
  drawLegend(view, p, p.x + p.legend.x, p.legend.below ? p.y + p.h + p.legendTop + size.small + 2 : line, p.legend.parts)

  const named = p.tiles?.row_names ?? []
  if (p.ownRows && !named.length) {
    use("small", colours.quiet)
    put(text, clip(text, p.row_axis, p.left - 8), p.x - 8, line, "right")
  }
  for (const [n, name] of named.entries()) {
    const [, y, , h] = area(view, p, ...tileCells(p, n * p.tiles.across))
    use("label", normal)
    put(text, clip(text, name, p.left - 10), p.x - 8, y + h / 2 + size.label * 0.35, "right")
  }
  const every = ch >= size.label * 0.88 ? 1 : spaced(ch, size.label * 1.4)
  const chosenRow = p.selected == null ? -1 : Math.floor(p.selected / p.pool)
  for (let r = 0; r < p.rows; r++) {
    const near = r !== chosenRow && chosenRow >= 0 && Math.abs(r - chosenRow) * ch < size.label * 0.88
    if ((r % every && r !== chosenRow) || near) continue
    const y = p.y + ((p.down.edge(r) + p.down.edge(r + 1)) / 2 / view.ratio) + size.label * 0.35
    use(r === chosenRow ? "bold" : "label", r === chosenRow ? colours.ink : normal)
    if (p.ownRows && !named.length) put(text, clip(text, p.rowLabels[r * p.pool], p.left - 10), p.x - 8, y, "right")
    if (p.sideTexts) put(text, clip(text, p.sideTexts[r * p.pool], p.right - 8), p.x + p.reach + p.right, y, "right")
  }
  if (p.sideTexts) {
    use("small", colours.quiet)
    put(text, clip(text, p.side_title, p.right - 8), p.x + p.reach + p.right, line, "right")
  }
  if (p.tick > 4) columns(view, p, cw, normal)

  if (chosenRow >= 0) outline(view, text, p, [chosenRow, chosenRow + 1, 0, p.cols], colours.ink, ch < 5 ? 1 : 2)
  if (p.tiles?.chosen != null) outline(view, text, p, tileCells(p, p.tiles.chosen), colours.accent, 3)
  if (p.cell) {
    const [r, c] = p.cell.map(at => Math.floor(at / p.pool))
    outline(view, text, p, [r, r + 1, c, c + 1], colours.accent, 3)
  }
  if (p.chosen) {
    text.strokeStyle = colours.accent
    text.lineWidth = 2
    text.beginPath()
    text.roundRect(p.x - 5, p.top - 3, Math.max(p.w, Math.min(p.span, p.room)) + 10, p.h + p.y - p.top + 9, 5)
    text.stroke()
  }
}

// Where the panel before this one in its line ends, side texts included.
function endOf(view, p) {
  const before = view.grid.panels[view.grid.panels.indexOf(p) - 1]
  return before.x + before.reach + before.right
}

function columns(view, p, cw, colour) {
  const { text, colours, font, size } = view
  const y = p.y + p.h + size.label + 2
  text.font = font.label
  text.fillStyle = colour
  if (p.tiles?.column_names.length) {
    for (const [n, name] of p.tiles.column_names.entries()) {
      const [x, , w] = area(view, p, ...tileCells(p, n))
      put(text, clip(text, name, w), x + w / 2, y, "center")
    }
    return
  }
  const middle = c => p.x + (p.along.edge(c) + p.along.edge(c + 1)) / 2 / view.ratio
  const full = c => p.columnLabels?.[c * p.pool] ?? String(p.column_index?.[c * p.pool] ?? c * p.pool)
  const name = c => (p.brief && !p.tilt ? full(c).split(" ")[0] : full(c))
  const room = text.measureText(name(p.cols - 1)).width + 10
  if (p.tilt) {
    for (let c = 0; c < p.cols; c++) {
      text.save()
      text.translate(middle(c) + size.label * 0.3, p.y + p.h + size.label * 0.7)
      text.rotate(-Math.PI / 4)
      put(text, clip(text, name(c), Math.min(size.name, view.width * 0.2)), 0, 0, "right")
      text.restore()
    }
  } else {
    const every = p.brief || room < cw ? spaced(cw, p.brief ? room : 0) : 0
    const quarters = p.cols < 8 ? [0, p.cols - 1] : [0, 1, 2, 3, 4].map(n => Math.min(Math.round((n * p.cols) / 4), p.cols - 1))
    const shown = every ? Array.from({ length: Math.ceil(p.cols / every) }, (_, n) => n * every) : quarters
    for (const c of shown) {
      const half = text.measureText(name(c)).width / 2
      put(text, name(c), Math.min(Math.max(middle(c), p.x + half), p.x + p.w - half), y, "center")
    }
  }
  text.font = font.small
  text.fillStyle = colours.quiet
  if (p.axisBelow) put(text, clip(text, p.column_axis, p.span), p.x + p.w / 2, p.y + p.h + p.tick - 2, "center")
  else if (p.ownRows && p.left > 8) put(text, clip(text, p.column_axis, p.left - 8), p.x - 8, y, "right")
}

function drawLegend(view, p, x, y, parts) {
  const { text, colours, font, size } = view
  text.font = font.small
  if (parts.includes("bar")) {
    const [low, high] = limits(p)
    const gap = size.small / 2
    const start = x + text.measureText(low).width + gap
    p.ramp.forEach((colour, n) => {
      if (n % 16) return
      text.fillStyle = css(colour)
      text.fillRect(start + (n * size.bar) / STEPS, y - size.small + 3, size.bar / 32, size.small - 3)
    })
    text.strokeStyle = text.fillStyle = colours.quiet
    text.lineWidth = 1
    text.strokeRect(start - 0.5, y - size.small + 2.5, size.bar + 1, size.small - 2)
    put(text, low, x, y)
    put(text, high, start + size.bar + gap, y)
    x = start + size.bar + gap + text.measureText(high).width + 14
  }
  text.fillStyle = colours.quiet
  for (const [part, said] of [["range", range(p)], ["key", keys(p)]]) {
    if (!parts.includes(part)) continue
    put(text, said, x, y)
    x += text.measureText(said).width + 14
  }
}

function outline(view, context, p, [r0, r1, c0, c1], colour, thick) {
  const [x, y, w, h] = area(view, p, r0, r1, c0, c1)
  for (const [style, width] of [[view.colours.back, thick + 2], [colour, thick]]) {
    context.strokeStyle = style
    context.lineWidth = width
    context.strokeRect(x - thick / 2, y - thick / 2, w + thick, h + thick)
  }
}

// ---- what moves with the pointer and the keys

function overlay(view, speak = false) {
  const { grid, over, cells, tip, ratio, colours } = view
  const context = over.getContext("2d")
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.clearRect(0, 0, view.width, view.height)
  const focused = view.keys && view.matrix.getRootNode().activeElement === cells
  const place = view.hover ?? (focused ? view.focus : null)
  tip.hidden = !place
  cells.style.cursor = !view.hover ? "default" : chosen(grid, view.hover) ? "pointer" : "default"
  if (!place) return
  const p = grid.panels[place.panel]
  if (place.row >= 0 && p.tiles) outline(view, context, p, tileCells(p, tile(p, place)), colours.ink, 2)
  else if (place.row >= 0) {
    for (const other of grid.panels) {
      if (other.row_labels === p.row_labels && other.rows === p.rows) outline(view, context, other, [place.row, place.row + 1, 0, other.cols], colours.quiet, 1)
    }
    if (place.col >= 0) {
      outline(view, context, p, [0, p.rows, place.col, place.col + 1], colours.quiet, 1)
      outline(view, context, p, [place.row, place.row + 1, place.col, place.col + 1], colours.ink, 2)
    }
  } else if (p.pick) {
    context.strokeStyle = colours.ink
    context.lineWidth = 2
    context.strokeRect(p.x - 3, p.top + 1, Math.max(p.w, 40) + 6, p.y - p.top - 3)
  }
  const said = describe(grid, place)
  if (speak) view.live.textContent = [...said.facts.map(fact => fact.join(" ")), said.head].filter(Boolean).join(", ")
  fill(tip, said)
  const [x, y, w, h] = place.row < 0 || place.col < 0 ? [p.x, p.top, 0, p.y - p.top] : area(view, p, place.row, place.row + 1, place.col, place.col + 1)
  const [px, py] = view.pointer ?? [x + w, y + h]
  const left = px + 16 + tip.offsetWidth > view.width ? px - 16 - tip.offsetWidth : px + 16
  const box = cells.getBoundingClientRect()
  const under = box.top + py + 18 + tip.offsetHeight <= window.innerHeight
  tip.style.left = `${Math.max(0, left)}px`
  tip.style.top = `${under ? py + 18 : py - 14 - tip.offsetHeight}px`
}

function fill(tip, { head, facts, code }) {
  const make = (kind, string) => Object.assign(document.createElement(kind), { textContent: string })
  const list = document.createElement("dl")
  for (const [name, string] of facts) list.append(make("dt", name), make("dd", string))
  tip.replaceChildren(...[head && make("b", head), list, code && make("code", code)].filter(Boolean))
}
