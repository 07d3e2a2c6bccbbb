// The panels of a grid on its canvas: their cells, what the cells carry, and what stands around them.
import { css, legible, mixed, packed, ramp } from "./colours.js"
import { DROPPED, MASKED, PADDING } from "./decode.js"
import { NO_LABELS, area, spaced } from "./layout.js"
import { keys, limits, range, strongest, tileCells } from "./places.js"
import { clip, put, signed } from "./text.js"

const STEPS = 1024 // colours of a scale
const DIM = 0.55 // opacity of the step before
const HATCH = 7 // pixels from one hatch line to the next

const beyond = (p, value) => Math.max(p.low - value, value - p.high) > (p.high - p.low) * 1e-5
const shade = (p, value) => Math.round(Math.min(1, Math.max(0, (value - p.low) / (p.high - p.low || 1))) * (STEPS - 1))

export function drawPanels(view) {
  const { grid, colours, size } = view
  for (const p of grid.panels) {
    const scale = ramp(grid.scales[p.scale][colours.mode], STEPS)
    p.ramp = p.dim ? scale.map(colour => mixed(colours.paper, colour, DIM)) : scale
    paint(view, p)
    grain(view, p)
    around(view, p)
    curtain(view, p)
  }
  if (view.shared) drawLegend(view, grid.panels[0], grid.panels[0].x, view.legendY + size.small, ["bar", "key"])
}

// What is still to come of a picture that plays.
function curtain({ text, colours, ratio, played }, p) {
  if (!(played < p.rows)) return
  text.fillStyle = colours.back
  const [x, y, w] = area(ratio, p, [played, p.rows, 0, p.cols])
  text.fillRect(x - 2, y, w + 4, p.y + p.h - y + 2)
}

// ---- cells

// Every device pixel of a panel gets the colour of the cell under it.
function paint(view, p) {
  const { hidden, line, paper } = view.colours
  const [across, down] = [p.along.lo.length, p.down.lo.length]
  const image = view.text.createImageData(across, down)
  const out = new Uint32Array(image.data.buffer)
  const colours = Uint32Array.from(p.ramp, packed)
  const period = Math.max(4, Math.round(HATCH * view.ratio))
  const hatch = Array.from({ length: period }, (_, n) => packed(mixed(line, hidden, Math.min(1, Math.abs(n - 1) / view.ratio))))
  const [plain, blank] = [packed(hidden), packed(paper)]
  const row = new Int32Array(across)
  for (let y = 0; y < down; y++) {
    if (y === 0 || p.down.lo[y] !== p.down.lo[y - 1] || p.down.hi[y] !== p.down.hi[y - 1]) codes(p, y, row)
    for (let x = 0; x < across; x++) {
      const code = row[x]
      out[y * across + x] = code >= 0 ? colours[code] : code === -MASKED ? hatch[(x + y) % period] : code === -DROPPED ? plain : blank
    }
  }
  view.text.putImageData(image, Math.round(p.x * view.ratio), Math.round(p.y * view.ratio))
}

// What every pixel of a line of pixels shows: a step of the scale, or minus a mark.
function codes(p, y, row) {
  const { lo, hi } = p.along
  for (let x = 0; x < row.length; x++) {
    const i = strongest(p, p.down.lo[y], p.down.hi[y], lo[x], hi[x])
    const mark = p.marks?.[i]
    row[x] = mark ? -mark : Number.isFinite(p.values[i]) ? shade(p, p.values[i]) : -PADDING
  }
}

// ---- what cells of some size carry besides their colour

function grain(view, p) {
  const small = Math.min(p.w / p.cols, p.h / p.rows)
  gaps(view, p)
  frames(view, p)
  const { numbers, type } = printed(view, p)
  if (small < 4 && !type) return
  for (let r = 0, i = 0; r < p.rows; r++) {
    for (let c = 0; c < p.cols; c++, i++) {
      const place = area(view.ratio, p, [r, r + 1, c, c + 1])
      const mark = p.marks?.[i]
      const value = p.values[i]
      const back = mark ? view.colours.hidden : Number.isFinite(value) ? p.ramp[shade(p, value)] : view.colours.paper
      if (mark === DROPPED && small >= 4) cross(view, place, small)
      if (!mark && small >= 8 && Number.isFinite(value) && beyond(p, value)) corner(view, place, small, legible(back))
      if (type && numbers[i] && (!mark || value === -Infinity)) number(view, place, numbers[i], type, back, mark)
    }
  }
}

// Lines between cells that are large enough.
function gaps({ text, colours, ratio }, p) {
  const [width, height] = [p.w / p.cols, p.h / p.rows]
  text.fillStyle = (p.columnLabels || p.square) && !p.tiles ? colours.rule : colours.back
  if (height >= 7) for (let r = 1; r < p.rows; r++) text.fillRect(p.x, p.y + p.down.edge(r) / ratio - 1 / ratio, p.w, (height >= 14 ? 2 : 1) / ratio)
  if (width >= 7) for (let c = 1; c < p.cols; c++) text.fillRect(p.x + p.along.edge(c) / ratio - 1 / ratio, p.y, (width >= 14 ? 2 : 1) / ratio, p.h)
}

function frames({ text, colours, ratio }, p) {
  text.strokeStyle = colours.rule
  text.lineWidth = 1
  const parts = p.tiles?.gap ? p.tiles.names.map((_, n) => area(ratio, p, tileCells(p, n))) : [[p.x, p.y, p.w, p.h]]
  for (const [x, y, w, h] of parts) text.strokeRect(x - 0.5, y - 0.5, w + 1, h + 1)
}

// The numbers of all cells with as many digits as fit, and the size of their type; 0 where they do not fit.
function printed({ text, size, font }, p) {
  if (p.cellTexts) {
    const type = Math.min(size.label, Math.floor(p.h / p.rows - 3))
    if (type < size.least || p.w / p.cols < 2 * type) return { numbers: [], type: 0 }
    text.font = `${type}px ${font.family}`
    return { numbers: p.cellTexts.map(string => clip(text, string, p.w / p.cols - 6)), type }
  }
  const write = (value, digits) => (value === -Infinity ? "−∞" : Number.isFinite(value) ? signed(value.toFixed(digits)) : "")
  for (const digits of p.prints ? [2, 1] : []) {
    const numbers = Array.from(p.values, value => write(value, digits))
    text.font = `100px ${font.family}`
    const longest = Math.max(...numbers.map(number => text.measureText(number).width)) / 100
    const type = Math.min(size.label + 2, Math.floor((p.w / p.cols - 6) / longest), Math.floor(p.h / p.rows - 4))
    if (type >= size.least) return { numbers, type }
  }
  return { numbers: [], type: 0 }
}

const LENS = { across: 9, down: 3, side: 26 } // cells that a lens shows, and how large

// The cells around a place, large enough to be told apart, itself framed.
export function lens(view, canvas, p, { row, col }) {
  const { across, down, side } = LENS
  const [rows, columns] = [Math.min(down, p.rows), Math.min(across, p.cols)]
  const [r0, c0] = [Math.min(Math.max(0, row - (rows >> 1)), p.rows - rows), Math.min(Math.max(0, col - (columns >> 1)), p.cols - columns)]
  Object.assign(canvas, { width: columns * side * view.ratio, height: rows * side * view.ratio })
  Object.assign(canvas.style, { width: `${columns * side}px`, height: `${rows * side}px` })
  const context = canvas.getContext("2d")
  context.scale(view.ratio, view.ratio)
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const i = (r0 + r) * p.cols + c0 + c
      const number = !p.marks?.[i] && Number.isFinite(p.values[i])
      context.fillStyle = css(number ? p.ramp[shade(p, p.values[i])] : p.marks?.[i] ? view.colours.hidden : view.colours.paper)
      context.fillRect(c * side, r * side, side - 1, side - 1)
    }
  }
  context.strokeStyle = view.colours.ink
  context.lineWidth = 3
  context.strokeRect((col - c0) * side, (row - r0) * side, side - 1, side - 1)
}

function cross({ text, colours }, [x, y, w, h], small) {
  const arm = Math.min(small * 0.28, 9)
  text.strokeStyle = css(colours.line)
  text.lineWidth = Math.min(2, Math.max(1, small / 14))
  text.beginPath()
  for (const way of [1, -1]) {
    text.moveTo(x + w / 2 - arm, y + h / 2 - way * arm)
    text.lineTo(x + w / 2 + arm, y + h / 2 + way * arm)
  }
  text.stroke()
}

// The mark of a number beyond the colours.
function corner({ text }, [x, y, w], small, colour) {
  const side = Math.min(7, small / 3)
  text.fillStyle = colour
  text.beginPath()
  text.moveTo(x + w - 2, y + 2)
  text.lineTo(x + w - 2 - side, y + 2)
  text.lineTo(x + w - 2, y + 2 + side)
  text.fill()
}

function number({ text, colours, font }, [x, y, w, h], string, type, back, mark) {
  text.font = `${type}px ${font.family}`
  if (mark) {
    const wide = text.measureText(string).width + 6
    text.fillStyle = css(colours.hidden)
    text.fillRect(x + w / 2 - wide / 2, y + h / 2 - type / 2 - 1, wide, type + 2)
  }
  text.fillStyle = legible(back)
  put(text, string, x + w / 2, y + h / 2 + type * 0.35, "center")
}

// ---- around the cells

const use = ({ text, font }, name, colour) => ((text.font = font[name]), (text.fillStyle = colour))

function around(view, p) {
  const line = p.top + view.size.title + 1
  const ink = p.dim ? view.colours.quiet : view.colours.ink
  const selected = p.selected == null ? -1 : Math.floor(p.selected / p.pool)
  heading(view, p, line, ink)
  rowAxis(view, p, line)
  rows(view, p, selected, ink)
  tileNames(view, p, ink)
  if (p.tick > NO_LABELS.tick) columns(view, p, ink)
  outlines(view, p, selected)
}

// The joiner before a panel, its colour, its title and its legend. A title that can be chosen is dotted underneath.
function heading(view, p, line, ink) {
  const { text, colours, size } = view
  const stacked = p.joiner && p.place === 0
  use(view, "title", ink)
  if (p.joiner && !stacked) put(text, p.joiner, (p.x - p.left + endOfPrevious(view, p)) / 2, p.y + p.h / 2 + size.title * 0.35, "center")
  const after = neighbours(view, p)[1]
  const open = after && !p.sideTexts ? after.x - after.left - p.x - 20 : 0 // nothing else stands above what joins two panels
  const room = Math.max(open, p.legend.parts.length && !p.legend.below ? p.span : Math.max(p.reach, p.span - p.right) - 10)
  const title = clip(text, stacked ? `${p.joiner} ${p.title}` : p.title, room)
  put(text, title, p.x + 10, line)
  text.fillStyle = p.colour
  text.fillRect(p.x, p.top + 3, 4, size.title)
  if (p.pick) {
    use(view, "title", colours.quiet)
    for (let x = 0, end = text.measureText(title).width; x < end; x += 4) text.fillRect(p.x + 10 + x, line + 4, 2, 1)
  }
  drawLegend(view, p, p.x + p.legend.x, p.legend.below ? p.y + p.h + p.legendTop + size.small + 2 : line, p.legend.parts)
}

// The panels before and after this one in its line.
function neighbours({ grid }, p) {
  const at = grid.panels.indexOf(p)
  return [at - 1, at + 1].map(n => grid.panels[n]?.line === p.line ? grid.panels[n] : undefined)
}

// Where the panel before this one in its line ends, side texts included.
function endOfPrevious(view, p) {
  const [before] = neighbours(view, p)
  return before.x + before.reach + before.right
}

// The width that something in the middle below a panel can have: half of what lies between it and its neighbours is its own.
function widthBelow(view, p) {
  const [before, after] = neighbours(view, p)
  const left = before ? (p.x - before.x - before.w) / 2 : p.x
  const right = after ? (after.x - p.x - p.w) / 2 : view.width - p.x - p.w
  return p.w + 2 * Math.max(0, Math.min(left, right) - 4)
}

const linesAreNamed = p => Boolean(p.tiles?.row_names.length)

function rowAxis(view, p, line) {
  const { text, colours } = view
  use(view, "small", colours.quiet)
  if (p.ownRows && !linesAreNamed(p)) put(text, clip(text, p.row_axis, p.left - 8), p.x - 8, line, "right")
  if (p.sideTexts) put(text, clip(text, p.side_title, p.right - 8), p.x + p.reach + p.right, line, "right")
}

// Labels left and side texts right: of every row, or of as many as have room, and always of the selected one.
function rows(view, p, selected, ink) {
  const { text, colours, size, ratio } = view
  const pitch = p.h / p.rows
  const every = pitch >= size.label * 0.88 ? 1 : spaced(pitch, size.label * 1.4)
  for (let r = 0; r < p.rows; r++) {
    const near = r !== selected && selected >= 0 && Math.abs(r - selected) * pitch < size.label * 0.88
    if ((r % every && r !== selected) || near) continue
    const y = p.y + (p.down.edge(r) + p.down.edge(r + 1)) / 2 / ratio + size.label * 0.35
    use(view, r === selected ? "bold" : "label", r === selected ? colours.ink : ink)
    if (p.ownRows && !linesAreNamed(p)) put(text, clip(text, p.rowLabels[r * p.pool], p.left - 10), p.x - 8, y, "right")
    if (p.sideTexts) put(text, clip(text, p.sideTexts[r * p.pool], p.right - 8), p.x + p.reach + p.right, y, "right")
  }
}

function tileNames(view, p, ink) {
  const { text, size, ratio } = view
  use(view, "label", ink)
  for (const [n, name] of (p.tiles?.row_names ?? []).entries()) {
    const [, y, , h] = area(ratio, p, tileCells(p, n * p.tiles.across))
    put(text, clip(text, name, p.left - 10), p.x - 8, y + h / 2 + size.label * 0.35, "right")
  }
  for (const [n, name] of (p.tiles?.column_names ?? []).entries()) {
    const [x, , w] = area(ratio, p, tileCells(p, n))
    put(text, clip(text, name, w), x + w / 2, p.y + p.h + size.label + 2, "center")
  }
}

function columns(view, p, ink) {
  if (p.tiles?.column_names.length) return
  const { text, colours, size, ratio } = view
  const y = p.y + p.h + size.label + 2
  const middle = c => p.x + (p.along.edge(c) + p.along.edge(c + 1)) / 2 / ratio
  const full = c => p.columnLabels?.[c * p.pool] ?? String(p.column_index?.[c * p.pool] ?? c * p.pool)
  use(view, "label", ink)
  if (p.tilt) slanted(view, p, middle, full)
  else flat(view, p, y, middle, p.brief ? c => full(c).split(" ")[0] : full)
  use(view, "small", colours.quiet)
  if (p.axisBelow) put(text, clip(text, p.column_axis, widthBelow(view, p)), p.x + p.w / 2, p.y + p.h + p.tick - 2, "center")
  else if (p.ownRows && p.left > 8) put(text, clip(text, p.column_axis, p.left - 8), p.x - 8, y, "right")
}

function slanted({ text, size, width }, p, middle, name) {
  for (let c = 0; c < p.cols; c++) {
    text.save()
    text.translate(middle(c) + size.label * 0.3, p.y + p.h + size.label * 0.7)
    text.rotate(-Math.PI / 4)
    put(text, clip(text, name(c), Math.min(size.name, width * 0.2)), 0, 0, "right")
    text.restore()
  }
}

// All names where they fit; else the names of some columns: at steps, or at the quarters, and never one over another.
function flat({ text }, p, y, middle, name) {
  const pitch = p.w / p.cols
  const room = text.measureText(name(p.cols - 1)).width + 10
  const every = p.brief || room < pitch ? spaced(pitch, p.brief ? room : 0) : 0
  const quarters = p.cols < 8 ? [0, p.cols - 1] : [0, 1, 2, 3, 4].map(n => Math.min(Math.round((n * p.cols) / 4), p.cols - 1))
  const shown = every ? Array.from({ length: Math.ceil(p.cols / every) }, (_, n) => n * every) : quarters
  const placed = c => {
    const half = text.measureText(name(c)).width / 2
    const at = Math.min(Math.max(middle(c), p.x + half), p.x + p.w - half)
    return { c, at, from: at - half, to: at + half }
  }
  const last = placed(shown.at(-1))
  let end = -Infinity
  for (const { c, at, from, to } of shown.map(placed)) {
    if (from < end || (c !== last.c && to + 4 > last.from)) continue
    put(text, name(c), at, y, "center")
    end = to + 4
  }
}

function drawLegend(view, p, x, y, parts) {
  const { text, colours } = view
  use(view, "small", colours.quiet)
  if (parts.includes("bar")) x = colourBar(view, p, x, y)
  text.fillStyle = colours.quiet
  for (const [part, said] of [["range", range(p)], ["key", keys(p)]]) {
    if (!parts.includes(part)) continue
    put(text, said, x, y)
    x += text.measureText(said).width + 14
  }
}

// The scale between its limits; returns where what comes next begins.
function colourBar({ text, colours, size }, p, x, y) {
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
  return start + size.bar + gap + text.measureText(high).width + 14
}

// ---- outlines

// The selected row, the chosen tile, the cell that is recomputed, and the panel that is chosen.
function outlines(view, p, selected) {
  const { text, colours } = view
  if (selected >= 0) outline(view, text, p, [selected, selected + 1, 0, p.cols], colours.ink, p.h / p.rows < 5 ? 1 : 2)
  if (p.framed) outline(view, text, p, p.framed, colours.ink, 2)
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

// Around some cells, with a line of the page's colour on both sides so that it is seen on any cell.
export function outline({ colours, ratio }, context, p, cells, colour, thick) {
  const [x, y, w, h] = area(ratio, p, cells)
  for (const [style, width] of [[colours.back, thick + 2], [colour, thick]]) {
    context.strokeStyle = style
    context.lineWidth = width
    context.strokeRect(x - thick / 2, y - thick / 2, w + thick, h + thick)
  }
}
