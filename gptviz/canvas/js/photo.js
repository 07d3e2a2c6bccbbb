// A picture as a file, made in the browser: large, light, with its title above, what its numbers come from, and the address below.
import { draw } from "./canvas.js"
import { chartSvg } from "./chart.js"
import { clip } from "./text.js"

const SCALE = 2
const WIDTH = 1100 // of a picture, in CSS pixels
const ROOM = 20 // around it
const LINE = 24
const LIGHT = { "--st-background-color": "#ffffff", "--st-text-color": "#171b21", "--st-primary-color": "#0060a0", "--st-border-color": "#d3d7dd" }
const FAMILY = "'Source Sans', 'Source Sans Pro', system-ui, sans-serif"

// about: title, state (a list of badges), foot. picture: the bytes of a picture of cells, or figure: a chart. Returns a canvas.
export async function photograph({ picture, figure, deeper, about }) {
  await document.fonts.ready
  const drawn = figure ? await ofChart(figure, deeper) : ofCells(picture)
  const sheet = document.createElement("canvas")
  const text = sheet.getContext("2d")
  const lines = [[about.title, `600 22px ${FAMILY}`], [about.state.join("  ·  "), `15px ${FAMILY}`]]
  const notes = [drawn.note, about.foot].filter(Boolean)
  const head = LINE * lines.length + 12
  sheet.width = SCALE * (WIDTH + 2 * ROOM)
  sheet.height = SCALE * (2 * ROOM + head + drawn.height + notes.length * LINE + 6)
  text.scale(SCALE, SCALE)
  text.fillStyle = "#ffffff"
  text.fillRect(0, 0, sheet.width, sheet.height)
  text.fillStyle = "#171b21"
  const write = (string, font, y) => ((text.font = font), text.fillText(clip(text, string, WIDTH), ROOM, y))
  lines.forEach(([string, font], n) => write(string, font, ROOM + LINE * (n + 0.75)))
  text.drawImage(drawn.image, ROOM, ROOM + head, WIDTH, drawn.height)
  notes.forEach((string, n) => write(string, `13px ${FAMILY}`, ROOM + head + drawn.height + LINE * (n + 0.85)))
  drawn.close()
  return sheet
}

// The cells as the canvas draws them, on a light page nobody sees.
function ofCells(bytes) {
  const place = document.createElement("div")
  Object.assign(place.style, { position: "fixed", left: "-20000px", top: "0", width: `${WIDTH}px` })
  for (const [name, value] of Object.entries(LIGHT)) place.style.setProperty(name, value)
  place.style.setProperty("--st-font", FAMILY)
  document.body.append(place)
  const close = draw(place, bytes, () => {}, SCALE)
  const root = place.shadowRoot
  const image = root.querySelector("canvas")
  return { image, note: root.querySelector(".foot, .from").textContent, height: image.height / SCALE, close: () => (close(), place.remove()) }
}

async function ofChart(figure, deeper) {
  const { svg } = chartSvg(figure, WIDTH, { ink: "#171b21", paper: "#ffffff", deeper, family: FAMILY })
  const image = new Image()
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(svg))}`
  await image.decode()
  return { image, note: "", height: Number(svg.getAttribute("height")), close: () => {} }
}

// A chart as an SVG file, with what it comes from in it.
export function chartFile(figure, deeper, about) {
  const { svg } = chartSvg(figure, WIDTH, { ink: "#171b21", paper: "#ffffff", deeper, family: FAMILY })
  const told = document.createElementNS("http://www.w3.org/2000/svg", "desc")
  told.textContent = [about.title, ...about.state, about.foot].join(". ")
  svg.prepend(told)
  return new XMLSerializer().serializeToString(svg)
}
