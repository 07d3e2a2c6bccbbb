// The three panels of dropout on their canvas: the numbers before, the factors, the numbers after.
import { FELL, LATER } from "./arithmetic.js"
import { css, legible, ramp, rgb, theme } from "./colours.js"
import { clip, digits, fixed, put } from "./text.js"

const HEIGHT = 350 // of what is drawn under each other
const WORDS = 150 // of the slider above and the lines below, where the page says how high all of it may be
const LEAST = 90 // of what is drawn, however little room there is
const HEAD = 25 // of the line above a panel
const GAP = 22 // between panels
const SHADES = 256 // colours of a scale

export const clamp = (x, low, high) => Math.min(high, Math.max(low, x))

export function drawStrips(view) {
  const { canvas, width } = view
  const text = canvas.getContext("2d")
  const ratio = view.pixels ?? (window.devicePixelRatio || 1) * view.grow
  const sheet = arrange(view, text, dress(view, text))
  canvas.width = Math.round(width * ratio)
  canvas.height = Math.round(sheet.height * ratio)
  canvas.style.height = `${sheet.height}px`
  text.setTransform(ratio, 0, 0, ratio, 0, 0)
  view.blended = sheet.cw * ratio < 1
  view.panels.forEach(({ x, y }, n) => {
    cells(sheet, n, x, y)
    if (sheet.cw >= 8 && sheet.ch >= 8) view.fate.forEach((_, i) => inside(sheet, n, i, x, y))
    heading(sheet, n, x, y)
    view.lines.forEach((_, r) => row(sheet, n, r, x, y))
    if (n === 1 && sheet.dots && view.picture.on) plot(sheet, x + sheet.w + sheet.number + 8, y)
    under(sheet, n, x, y)
    outlineColumn(sheet, x, y)
  })
}

// The colours and the type of the page, as this picture uses them.
function dress({ picture, frame }, text) {
  const { ink, back, accent, grey, mode, family } = theme(frame, text)
  const [hidden, line] = picture.hidden[mode].map(rgb)
  const scale = kind => ramp(picture.scales[kind][mode], SHADES)
  const factor = scale("weight")[SHADES / 2]
  const shades = { hidden, factor, scale: scale(picture.weights ? "weight" : "signed") }
  return { ink, paper: back, accent, quiet: grey(0.28), band: grey(0.86), line: css(line), family, ...shades }
}

// Strips of few tokens stand under each other, everything else side by side. Right of a panel is room for what is counted of
// its rows, and for the dots of `plot`.
function arrange(view, text, look) {
  const { picture, width } = view
  const { weights, rows, cols } = picture
  const sheet = { view, text, look, stacked: !weights && rows <= 6, number: weights ? 58 : 60 }
  const { stacked, number } = sheet
  const tall = view.tall ? Math.max(LEAST, view.tall - WORDS) : HEIGHT
  use(sheet, 13, look.ink)
  const label = Math.min(120, Math.max(...picture.labels.map(name => text.measureText(name).width)) + 10)
  const dots = weights ? 0 : stacked ? 130 : 60
  const sides = stacked ? [number + dots, number + dots, number + dots] : [number, number + dots, number]
  const room = stacked ? width - label - sides[0] : (width - label - 3 * number - dots - 2 * GAP) / 3
  const ch = clamp(Math.floor(((stacked ? tall / 3 : tall) - HEAD) / rows), 5, weights ? 64 : 26)
  const w = weights ? Math.min(room, Math.max(150, cols * Math.max(ch, 44))) : room
  const h = ch * rows
  let [x, y] = [label, HEAD]
  const panels = sides.map(side => {
    const panel = { x, y }
    if (stacked) y += h + HEAD
    else x += w + side + GAP
    return panel
  })
  Object.assign(view, { panels, w, h })
  const height = (stacked ? y - HEAD : y + h) + (weights ? 36 : 18)
  return Object.assign(sheet, { label, dots, w, h, cw: w / cols, ch, height })
}

const use = ({ text, look }, size, colour, weight = "") => ((text.font = `${weight} ${size}px ${look.family}`), (text.fillStyle = colour))

// ---- cells

function shade({ view, look }, n, i) {
  const { fate, picture, after } = view
  if (fate[i] === LATER || (fate[i] && n)) return look.hidden
  if (n === 1) return look.factor
  const value = (n ? after : picture.values)[i]
  return look.scale[Math.round(clamp((value - picture.low) / (picture.high - picture.low), 0, 1) * (SHADES - 1))]
}

function cells(sheet, n, x, y) {
  const { view, text, look, w, h, cw, ch } = sheet
  const { rows, cols } = view.picture
  const image = new ImageData(cols, rows)
  for (let i = 0; i < view.fate.length; i++) image.data.set([...shade(sheet, n, i), 255], 4 * i)
  const small = new OffscreenCanvas(cols, rows)
  small.getContext("2d").putImageData(image, 0, 0)
  text.imageSmoothingEnabled = view.blended
  text.drawImage(small, x, y, w, h)
  text.fillStyle = look.paper
  for (let r = 1; r < rows; r++) text.fillRect(x, y + r * ch - 1, w, 1)
  if (cw >= 8) for (let c = 1; c < cols; c++) text.fillRect(x + c * cw - 0.5, y, 1, h)
  text.strokeStyle = look.band
  text.lineWidth = 1
  text.strokeRect(x - 0.5, y - 0.5, w + 1, h + 1)
}

// A cross for what fell, a stroke for a later key, else the number where there is room.
function inside(sheet, n, i, left, top) {
  const { view, text, look, cw, ch } = sheet
  const { fate, picture, scale, after } = view
  const x = left + ((i % picture.cols) + 0.5) * cw
  const y = top + (Math.floor(i / picture.cols) + 0.5) * ch
  const arm = Math.min(cw, ch, 26) * 0.26
  const crossed = fate[i] === FELL && n
  if (crossed || fate[i] === LATER) {
    text.strokeStyle = look.line
    text.beginPath()
    for (const way of crossed ? [1, -1] : [-1]) (text.moveTo(x - arm, y - way * arm), text.lineTo(x + arm, y + way * arm))
    text.stroke()
  } else if (picture.weights && cw >= 32 && ch >= 15) {
    use(sheet, 13, legible(shade(sheet, n, i)))
    put(text, fixed([picture.values[i], scale, after[i]][n], 2), x, y + 5, "center")
  }
}

// Around the chosen number, or its column where numbers are narrow.
function outlineColumn({ view, text, look, cw, ch }, x, y) {
  const [r, c] = view.cell
  const wide = Math.max(cw, 4)
  text.strokeStyle = look.accent
  text.lineWidth = 2
  text.strokeRect(x + (c + 0.5) * cw - wide / 2 - 1, y + r * ch - 1, wide + 2, ch + 1)
}

// ---- around the cells

function heading(sheet, n, x, y) {
  const { view, text, look, w } = sheet
  const { title, on, colour, weights } = view.picture
  const titles = [title, on ? `× mask: 0 or ${fixed(view.scale, 2)}` : "× mask: all 1", "= after dropout"]
  text.fillStyle = colour
  text.fillRect(x, y - 17, 4, 13)
  use(sheet, 13, look.ink, "600")
  put(text, clip(text, titles[n], w - 9), x + 9, y - 6)
  use(sheet, 12, look.quiet)
  put(text, n === 1 ? "zeros" : weights ? "sum" : "spread", rightOf(sheet, x), y - 6, "right")
}

// Where what is counted of a row ends.
const rightOf = ({ w, number }, x) => x + w + number - 4

// A row's label, and what is counted or measured of it.
function row(sheet, n, r, x, y) {
  const { view, text, look, ch, label, stacked } = sheet
  const { picture, cell, lines } = view
  const chosen = r === cell[0]
  if (r % Math.ceil(13 / ch) && !chosen) return
  const middle = y + (r + 0.5) * ch + 5
  const { zeros, count, before, after } = lines[r]
  const size = n ? after : before
  const said = n === 1 ? `${zeros}${picture.weights ? ` of ${count}` : ""}` : picture.weights ? fixed(size, 2) : digits(size, 3)
  use(sheet, 13, look.ink, chosen ? "600" : "")
  if (stacked || n === 0) put(text, clip(text, picture.labels[r], label - 8), x - 8, middle, "right")
  put(text, said, rightOf(sheet, x), middle, "right")
}

// Names of the columns: every key that has room, or the first and the last feature.
function under(sheet, n, x, y) {
  const { view, text, look, w, h, cw, stacked } = sheet
  const { weights, cols } = view.picture
  use(sheet, 12, look.quiet)
  if (weights) {
    const step = Math.ceil((text.measureText(cols).width + 8) / cw)
    for (let c = 0; c < cols; c += step) put(text, String(c), x + (c + 0.5) * cw, y + h + 15, "center")
    put(text, "key: is read", x + w / 2, y + h + 31, "center")
  } else if (!stacked || n === 2) {
    put(text, "feature 0", x, y + h + 14)
    put(text, String(cols - 1), x + w, y + h + 14, "right")
  }
}

// Zeros of every row between four standard deviations below and above p × width; the band is one of them.
function plot(sheet, left, y) {
  const { view, text, look, h, ch, number, dots, stacked } = sheet
  const mean = view.p * view.picture.cols
  const sd = Math.sqrt(mean * (1 - view.p))
  const right = left + dots - 12
  const place = zeros => (left + right) / 2 + (sd ? clamp((zeros - mean) / sd / 8, -0.5, 0.5) : 0) * (right - left)
  const band = [place(mean - sd), y, place(mean + sd) - place(mean - sd), h]
  text.fillStyle = look.band
  text.fillRect(...band)
  text.strokeStyle = look.quiet
  text.strokeRect(...band)
  text.fillStyle = look.quiet
  text.fillRect(place(mean) - 0.5, y, 1, h)
  use(sheet, 12, look.quiet)
  put(text, stacked ? `${fixed(mean, 0)} ± ${fixed(sd, 1)}` : fixed(mean, 0), place(mean), y - 6, "center")
  view.lines.forEach((line, r) => {
    text.fillStyle = r === view.cell[0] ? look.accent : look.ink
    text.beginPath()
    text.arc(place(line.zeros), y + (r + 0.5) * ch, 4, 0, 7)
    text.fill()
  })
}
