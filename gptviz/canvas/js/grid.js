// A gptviz.figures.matrix.Grid: panels of cells on a canvas. Its events say what the reader chose: a cell by where its number
// lives, a row, or a whole panel.
import { rgb, theme } from "./colours.js"
import { readGrid } from "./decode.js"
import { drawPanels } from "./drawing.js"
import { layout } from "./layout.js"
import { GRID_MARKUP } from "./markup.js"
import { keys } from "./places.js"
import { listen, lookAgain } from "./pointer.js"

const STEP = 550 // milliseconds from one row to the next of a picture that plays
const NORMAL = { title: 15, label: 13, small: 12, least: 11, gap: 16, row: 46, both: 60, square: 84, narrow: 130, name: 120, floor: 28, bar: 56 }
const LARGE = { title: 28, label: 24, small: 24, least: 20, gap: 26, row: 72, both: 84, square: 110, narrow: 235, name: 220, floor: 40, bar: 90 }

export const GRID = { markup: GRID_MARKUP, start, read, draw }

function start(find) {
  const view = { version: 0, focus: null, hover: null, pointer: null, keys: false, frame: find(".matrix") }
  for (const name of ["cells", "over", "tip", "foot", "live", "room"]) view[name] = find(`.${name}`)
  view.text = view.cells.getContext("2d")
  view.play = find(".play")
  view.play.onclick = () => (view.played === undefined ? play(view, 1) : stop(view))
  listen(view)
  return view
}

// Row after row, because the reader asked for it; a press stops it, and shows all of them again.
function play(view, rows) {
  const all = Math.max(...view.grid.panels.map(p => p.rows))
  if (rows > all) return stop(view)
  view.played = rows
  draw(view, view.width)
  view.timer = setTimeout(() => play(view, rows + 1), rows === all ? 0 : STEP)
}

function stop(view) {
  clearTimeout(view.timer)
  view.played = undefined
  draw(view, view.width)
}

function read(view, header, take) {
  clearTimeout(view.timer)
  view.played = undefined
  view.grid = readGrid(header, take)
}

function draw(view, width) {
  const { grid, cells, over, foot } = view
  Object.assign(view, { width, roomy: view.room.offsetHeight })
  view.ratio = view.pixels ?? (window.devicePixelRatio || 1) * view.grow
  view.size = grid.present ? LARGE : NORMAL
  view.frame.classList.toggle("present", grid.present)
  foot.classList.toggle("large", grid.present)
  view.play.hidden = !grid.plays
  view.play.textContent = view.played === undefined ? "Play, row by row" : "Stop"
  dress(view)
  for (let round = 0; round < 2; round++) {
    layout(view, width, (view.tall || grid.height) - foot.offsetHeight - view.play.offsetHeight)
    foot.textContent = footer(view)
  }
  for (const canvas of [cells, over]) {
    canvas.width = Math.round(width * view.ratio)
    canvas.height = Math.round(view.height * view.ratio)
    canvas.style.height = `${view.height}px`
  }
  view.text.setTransform(view.ratio, 0, 0, view.ratio, 0, 0)
  drawPanels(view)
  cells.setAttribute("aria-label", `${grid.alt} Arrow keys move between cells, Enter chooses one, Escape lets go of these keys.`)
  const place = ({ x, y, w, h, rows, cols, top, left }) => ({ x, y, w, h, rows, cols, top, left })
  cells.gptviz = { version: ++view.version, panels: grid.panels.map(place) }
  cells.dataset.ready = view.version
  lookAgain(view)
}

// The colours and the type of the page, as this picture uses them.
function dress(view) {
  const { paper, ink, back, accent, grey, mode, family } = theme(view.frame, view.text)
  const [hidden, line] = view.grid.hidden[mode].map(rgb)
  view.colours = { paper, ink, back, accent, quiet: grey(0.28), rule: grey(0.84), hidden, line, mode }
  const { title, label, small } = view.size
  const type = (size, weight = "") => `${weight} ${size}px ${family}`
  view.font = { title: type(title, "600"), label: type(label), bold: type(label, "600"), small: type(small), family }
}

// What must be said under the picture: its note, what the marks mean where no legend has room for it, and what is not exact.
function footer({ grid, ratio, shared, pixels }) {
  const { panels } = grid
  const alive = string => (pixels ? "" : string) // on paper and in a file there is nothing to point at
  const says = [grid.note]
  const key = keys(panels.find(keys) ?? {})
  if (key && !shared && !panels.some(p => p.legend.parts.includes("key"))) says.push(`${key[0].toUpperCase()}${key.slice(1)}.`)
  const limited = shared || panels.every(p => p.legend.parts.includes("bar"))
  if (!limited) says.push(`Every panel has its own colour limits${alive(": point at its title")}.`)
  const pooled = Math.max(...panels.map(p => p.pool))
  if (pooled > 1) says.push(`Each cell is the largest of ${pooled} × ${pooled}.`)
  const cells = Math.max(...panels.map(p => Math.max(1, p.rows / (p.h * ratio)) * Math.max(1, p.cols / (p.w * ratio))))
  if (cells > 1.01) says.push(`Each pixel shows the largest of up to ${Math.ceil(cells)} cells.`)
  if (!grid.exact) says.push(`Numbers in ${grid.levels} levels${alive("; click a cell for the exact number")}.`)
  return says.filter(Boolean).join(" ")
}
