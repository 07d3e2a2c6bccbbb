// How the panels of a grid share its place, in CSS pixels. Lines of panels stand under each other. A panel gets x, y, w, h (its
// cells), left, right and before (the room for row labels, for side texts, and from the panel before it), top (where its title
// begins), span (its width with title and legend), reach (where its side texts begin), and what stands under its cells.
import { keys, limits, range } from "./places.js"

const ROUND = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
const PHONE = 480 // pixels of width below which signs between panels leave their cells too little
const MEASURED = 400 // labels of a list that are measured
const ROUNDS = 3 // heights depend on how column labels and legends fit, that depends on widths, and a square is as wide as high
export const NO_LABELS = { tick: 4, tilt: false, brief: false, axisBelow: false }

// A step that leaves room between things at this pitch.
export const spaced = (pitch, room) => ROUND.find(n => n * pitch >= room) ?? Math.ceil(room / pitch)

export function layout(view, width, height) {
  const { panels } = view.grid
  const sheet = prepare(view, width, height)
  for (const line of sheet.lines) for (const p of line.panels) makeRoom(sheet, line, p)
  alignColumns(sheet)
  const free = Math.min(...sheet.lines.map(line => freeWidth(sheet, line) / line.slots))
  sheet.share = Math.max(30, free)
  for (const p of panels) Object.assign(p, { w: sheet.share, h: sheet.share, room: sheet.share })
  for (let round = 0; round < ROUNDS; round++) {
    for (const p of panels) Object.assign(p, columnLabels(sheet, p), { legend: legend(sheet, p) })
    for (const line of sheet.lines) line.bottom = underCells(sheet, line)
    placeLines(sheet, shareHeight(sheet))
  }
  for (const p of panels) snap(p, view.ratio)
}

// Everything the steps below ask for: the lines of panels, the measures of type, and how much room there is.
function prepare(view, width, height) {
  const { grid, size, text } = view
  const { panels } = grid
  const wide = (string, font) => ((text.font = view.font[font]), text.measureText(string).width)
  const widest = (strings, font, most) => Math.min(most, Math.max(0, ...strings.slice(0, MEASURED).map(string => wide(string, font))))
  const wanted = Math.min(grid.per_row, panels.length)
  const across = abreast(view, width, wanted)
  const count = Math.ceil(panels.length / across)
  const lines = Array.from({ length: count }, (_, n) => lineOf(panels.slice(n * across, (n + 1) * across), across))
  panels.forEach((p, n) => Object.assign(p, { line: Math.floor(n / across), place: n % across }))
  const shared = panels.length > 2 && panels.every(p => p.scale === panels[0].scale && p.low === panels[0].low && p.high === panels[0].high)
  view.shared = shared
  return {
    view, size, wide, widest, lines, across, width,
    // a narrow screen gets more lines, a low one less height, and a room what it has
    height: view.tall ? height : Math.min(height * (count / Math.ceil(panels.length / wanted)), view.roomy || Infinity),
    longest: Math.min(size.name, width * 0.2), // of a label
    edge: panels.some(p => p.chosen) ? 6 : 3, // room for a frame
    heading: size.title + 10,
    between: lines.length > 4 ? 6 : size.gap * 0.75,
    foot: shared ? size.small + 8 : 0
  }
}

// How many panels stand beside each other: as many as wanted, fewer where each would be too narrow.
function abreast({ grid, size }, width, wanted) {
  const labelled = grid.panels.some(p => p.row_axis || p.columnLabels)
  const least = size.narrow * (labelled ? (wanted < 4 || width < PHONE ? 1.5 : 1) : 0.4)
  let across = wanted
  while (across > 1 && width / across < least) across--
  return across
}

// slots: how many panels the width is shared by; beside squares a panel takes one place of the full line.
function lineOf(panels, across) {
  const squares = panels.filter(p => p.square).length
  const aligned = panels.every(p => p.row_labels === panels[0].row_labels && p.rows === panels[0].rows)
  for (const p of panels) Object.assign(p, { mixed: squares > 0 && squares < panels.length, last: p === panels.at(-1) })
  return { panels, aligned, squares, slots: squares ? across : panels.length, allSquares: squares === panels.length }
}

// ---- around the cells

// Row labels left, side texts right, a joiner or a gap before the panel; and the height its rows take at most.
function makeRoom({ size, wide, widest, longest, edge, lines }, line, p) {
  const padding = room => (room ? room + 10 : 0)
  const names = p.tiles?.row_names.length ? [p.tiles.row_names] : [p.rowLabels, [p.row_axis]]
  const under = lines[p.line + 1]?.panels[p.place]
  p.ownRows = p.place === 0 || !line.aligned
  p.ownColumns = !under || under.cols !== p.cols || under.column_labels !== p.column_labels || under.square !== p.square
  p.cap = p.mixed && line.aligned ? size.both : p.square ? size.square : size.row
  p.left = p.ownRows ? padding(Math.max(...names.map((some, n) => widest(some, n ? "small" : "bold", longest)))) : 0
  p.right = p.sideTexts ? padding(Math.max(widest(p.sideTexts, "bold", longest), widest([p.side_title], "small", longest))) : 0
  if (p.place === 0) p.before = edge
  else if (p.joiner) p.before = wide(p.joiner, "title") + 2 * size.gap
  else p.before = p.ownRows && p.left ? size.gap * 1.5 : size.gap
}

// Panels under each other keep the same room around them.
function alignColumns({ lines, across }) {
  for (let place = 0; place < across; place++) {
    const column = lines.map(line => line.panels[place]).filter(Boolean)
    for (const name of ["left", "before", "right"]) {
      const room = Math.max(...column.map(p => p[name]))
      for (const p of column) p[name] = room
    }
  }
}

// The width of a line that cells can have.
const freeWidth = (sheet, line) => line.panels.reduce((room, p) => room - p.left - p.right - p.before, sheet.width - sheet.edge)

// ---- under the cells

// Column labels: flat if they fit, else slanted where that takes little height, else only their first word, the number.
// tick is the height they take.
function columnLabels({ size, wide, widest, longest, lines }, p) {
  const line = size.label + 6
  if (p.tiles?.column_names.length) return { ...NO_LABELS, tick: line }
  if (!p.ownColumns || !(p.column_axis || p.columnLabels)) return NO_LABELS
  const repeated = p.place > 0 && !p.ownRows && lines[p.line].panels[0].column_axis === p.column_axis
  const pitch = p.w / p.cols
  const needed = p.columnLabels ? widest(p.columnLabels, "label", longest) : 0
  const slanted = needed * 0.71 + size.label * 0.75 + 6
  const flat = needed <= pitch - 6
  const tilt = !flat && pitch >= size.label + 5 && slanted < 0.25 * (p.h + slanted)
  const axisBelow = (tilt || !p.ownRows || wide(p.column_axis, "small") > p.left - 8) && !repeated
  return { tick: (tilt ? slanted : line) + (axisBelow ? size.small + 3 : 0), tilt, brief: Boolean(p.columnLabels) && !flat, axisBelow }
}

// Colour bar, range of the values and key to the marks: as much as fits, on the title's line or else under the panel.
function legend({ view, size, wide }, p) {
  const key = keys(p)
  const widths = { bar: wide(limits(p).join(""), "small") + size.bar + size.small, range: wide(range(p), "small"), key: key && wide(key, "small") }
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

function underCells({ size }, { panels }) {
  const labels = Math.max(...panels.map(p => p.tick))
  for (const p of panels) p.legendTop = labels
  return labels + (panels.some(p => p.legend.below) ? size.small + 7 : 0)
}

// ---- heights and widths

// The side of the largest square that fits beside the others of its line.
const widestSquare = (sheet, line) => (line.allSquares ? sheet.share : (freeWidth(sheet, line) * 0.9) / sheet.across)

// The height the cells of every line get. Lines that want little are served first; what they leave goes to the others.
function shareHeight(sheet) {
  const { lines, size, height, edge, foot, heading, between } = sheet
  const wanted = (line, p) => (p.square ? Math.min(p.rows * p.cap, widestSquare(sheet, line)) : p.rows * p.cap)
  const wants = lines.map(line => Math.max(...line.panels.map(p => wanted(line, p))))
  let left = height - edge * 2 - foot - lines.reduce((sum, line) => sum + heading + line.bottom, 0) - between * (lines.length - 1)
  const given = []
  const modestFirst = lines.map((_, n) => n).sort((a, b) => wants[a] - wants[b])
  modestFirst.forEach((n, served) => {
    given[n] = Math.max(size.floor, Math.min(wants[n], left / (lines.length - served)))
    left -= given[n]
  })
  return given
}

// Lines under each other, panels beside each other.
function placeLines(sheet, given) {
  const { view, lines, edge, foot, heading, between } = sheet
  let y = edge
  for (const [n, line] of lines.entries()) {
    for (const p of line.panels) p.h = cellHeight(sheet, line, p, given[n])
    shareWidth(sheet, line)
    let x = 0
    for (const p of line.panels) {
      Object.assign(p, { top: y, y: y + heading, x: x + p.before + p.left })
      x = p.x + p.span
    }
    y += heading + Math.max(...line.panels.map(p => p.h)) + line.bottom + between
  }
  view.legendY = y - between + edge - 3
  view.height = Math.ceil(view.legendY + foot + edge)
}

// Rows of four device pixels or more all get the same number of them.
function cellHeight(sheet, line, p, given) {
  const { ratio } = sheet.view
  const side = widestSquare(sheet, line)
  const most = p.square || (line.squares && line.aligned) ? Math.min(given, side) : given
  const pixels = Math.min(p.rows * p.cap, most) * ratio
  return (pixels >= 4 * p.rows ? Math.floor(pixels / p.rows) * p.rows : pixels) / ratio
}

// Squares are as wide as high; strips share what they leave.
function shareWidth(sheet, line) {
  const { view, size, width, edge, share } = sheet
  let rest = freeWidth(sheet, line)
  for (const p of line.panels.filter(p => p.square)) {
    p.w = p.h
    const tillTheEnd = p.last && line.allSquares
    spread(sheet, p, tillTheEnd ? width - edge - (p.x ?? width - edge - share) : Math.max(p.w, share) + p.right)
    rest -= p.span - p.right
  }
  rest /= line.slots - line.squares
  for (const p of line.panels.filter(p => !p.square)) {
    const scale = view.grid.to_scale ? p.cols / Math.max(...view.grid.panels.map(other => other.cols)) : 1
    p.w = p.columnLabels ? Math.min(rest, p.cols * size.square * 1.4) : rest * scale
    spread(sheet, p, rest + p.right)
  }
}

// A title or a legend may need more width than the cells under it.
function spread({ wide }, p, room) {
  const title = wide(p.title, "title") + 14
  p.room = room
  p.reach = p.sideTexts ? Math.max(p.w, Math.min(title, room - p.right)) : p.w
  p.span = Math.max(p.reach + p.right, Math.min(room, Math.max(title, p.legend.width + (p.legend.below ? 0 : p.legend.x))))
}

// ---- device pixels

function snap(p, ratio) {
  for (const name of ["x", "y", "w", "h"]) p[name] = Math.round(p[name] * ratio) / ratio
  p.along = spans(Math.round(p.w * ratio), p.cols)
  p.down = spans(Math.round(p.h * ratio), p.rows)
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

// The rectangle of some cells, in CSS pixels.
export function area(ratio, p, [r0, r1, c0, c1]) {
  const [x0, x1] = [p.along.edge(c0), p.along.edge(c1)]
  const [y0, y1] = [p.down.edge(r0), p.down.edge(r1)]
  return [p.x + x0 / ratio, p.y + y0 / ratio, Math.max(x1 - x0, 1) / ratio, Math.max(y1 - y0, 1) / ratio]
}
