// What a place of a grid means. A place is {panel, row, col} in drawn cells; row -1 is the title, col -1 the row's label.
import { DROPPED, MASKED, PADDING } from "./decode.js"
import { digits, signed } from "./text.js"

export function firstPlace(grid) {
  const n = grid.panels.findLastIndex(p => !p.dim)
  const p = grid.panels[n]
  const at = p.cell ?? [p.selected ?? 0, 0]
  return { panel: n, row: Math.floor(at[0] / p.pool), col: Math.floor(at[1] / p.pool) }
}

// The nearest place the grid has, if it has that panel.
export function within(grid, place) {
  const p = grid.panels[place.panel]
  return p && { panel: place.panel, row: Math.min(place.row, p.rows - 1), col: Math.min(place.col, p.cols - 1) }
}

// Where a place stands in the panel's labels, and in the tensor.
function locate(p, { row, col }) {
  const r = Math.max(row, 0)
  const c = Math.max(col, 0)
  const winner = p.winners && col >= 0 ? p.winners[r * p.cols + c] : 0
  const label = [r * p.pool + Math.floor(winner / p.pool), c * p.pool + (winner % p.pool)]
  return { label, index: [p.row_index?.[label[0]] ?? label[0], p.column_index?.[label[1]] ?? label[1]] }
}

// The number of the tile a place lies in.
export function tileAt(p, place) {
  const { rows, columns, gap, across } = p.tiles
  const [r, c] = locate(p, place).label
  return Math.floor(r / (rows + gap)) * across + Math.floor(c / (columns + gap))
}

// The cells of a tile: [first row, row after the last, first column, column after the last].
export function tileCells(p, n) {
  const { rows, columns, gap, across } = p.tiles
  const [r, c] = [Math.floor(n / across) * (rows + gap), (n % across) * (columns + gap)]
  return [r / p.pool, Math.min(p.rows, (r + rows) / p.pool), c / p.pool, Math.min(p.cols, (c + columns) / p.pool)].map(Math.floor)
}

// What choosing a place asks for; nothing where there is nothing to choose.
export function chosen(grid, place) {
  const p = grid.panels[place.panel]
  const { index } = locate(p, place)
  if (place.row < 0) return p.pick && { kind: "pick", field: p.pick[0], value: p.pick[1] }
  const value = p.tiles?.values[tileAt(p, place)]
  if (p.tiles) return place.col >= 0 && value >= 0 && { kind: "pick", field: p.tiles.field, value }
  if (place.col < 0) return { kind: "row", row: index[0], axis: p.row_axis }
  return p.point && { kind: "cell", point: p.point, index: [...p.prefix, ...index] }
}

// The cell that stands for a block of cells: the largest magnitude; marked cells and blanks only when there is nothing else.
export function strongest(p, r0, r1, c0, c1) {
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

// ---- in words

export const limits = p => [digits(p.low, 3), digits(p.high, 3)]
export const range = p => (p.range ? `values ${digits(p.range[0], 3)} to ${digits(p.range[1], 3)}` : "no values")
export const keys = p =>
  [p.marks?.includes(MASKED) && "hatched: masked", p.marks?.includes(DROPPED) && "crossed: dropped"].filter(Boolean).join(", ")

// What is told of a place: head is its number or name, facts are [name, text], code says where the number lives.
export function describe(grid, place) {
  const p = grid.panels[place.panel]
  const [low, high] = limits(p)
  if (place.row < 0) return { head: p.title, facts: [["", range(p)], ["", `colours ${low} to ${high}`]], code: p.point }
  const { label, index } = locate(p, place)
  const [rows, columns] = p.told
  const facts = [[p.row_axis || rows?.axis || "row", p.rowLabels[label[0]] || (rows?.names?.[label[0]] ?? String(index[0]))]]
  if (p.sideTexts) facts.push([p.side_title, p.sideTexts[label[0]]])
  if (place.col < 0) return { head: "", facts, code: "" }
  facts.splice(1, 0, [p.column_axis || columns?.axis || "column", (p.columnLabels ?? columns?.names)?.[label[1]] ?? String(index[1])])
  const head = numberAt(grid, p, place.row * p.cols + place.col)
  if (p.tiles) {
    const name = p.tiles.names[tileAt(p, place)]
    if (head === NOTHING) return { head: name, facts: [], code: "" }
    facts.unshift(["", name])
  }
  return { head, facts, code: p.point && `${p.point}[${[...p.prefix, ...index].join(", ")}]` }
}

const NOTHING = "no number"

function numberAt(grid, p, i) {
  const value = p.values[i]
  const mark = p.marks?.[i]
  if (mark === DROPPED) return "0, dropped"
  const number = Number.isNaN(value) || mark === PADDING ? NOTHING : grid.exact ? exactly(value) : roughly(p, value)
  return mark !== MASKED ? number : grid.exact ? `${number}, masked` : "masked"
}

const exactly = value => (Number.isFinite(value) ? digits(value, 6) : signed(String(value)).replace("Infinity", "∞"))

// A number that travelled as one of a few levels.
function roughly(p, value) {
  const [low, high] = limits(p)
  return value < p.low ? `below ${low}` : value > p.high ? `above ${high}` : `about ${digits(value, 3)}`
}
