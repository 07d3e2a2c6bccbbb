// Dropout of a gptviz.figures.live.DropoutStrips, thresholded here while its slider moves. Its event is the rate p the slider rests at.
import { FELL, LATER, compute } from "./arithmetic.js"
import { DROPOUT_MARKUP } from "./markup.js"
import { clamp, drawStrips } from "./strips.js"
import { digits, fixed } from "./text.js"

const KEYED = 250 // ms after the last key until the server is asked
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }

export const DROPOUT = { markup: DROPOUT_MARKUP, start, read, draw }

function start(find) {
  const view = { frame: find(".live"), slider: find("input"), canvas: find("canvas"), hover: null, timer: 0 }
  for (const name of ["rate", "factor", "sum", "count", "from"]) view[name] = find(`.${name}`)
  slide(view)
  pointAt(view)
  return view
}

function read(view, picture, take) {
  const { slider, picture: old } = view
  const count = picture.rows * picture.cols
  picture.values = take(Float32Array, count)
  picture.noise = take(Float32Array, count)
  const [min, max, step] = picture.span
  Object.assign(slider, { min, max, step })
  if (!view.held && !view.timer) slider.value = view.p = picture.p // under a finger or between keys it stays where it is
  if (!old || old.rows !== picture.rows || old.cols !== picture.cols || `${old.chosen}` !== `${picture.chosen}`) view.cell = picture.chosen
  view.picture = picture
}

function draw(view, width) {
  view.width = width
  compute(view)
  drawStrips(view)
  const { canvas, p, lines, after, panels, w, h } = view
  canvas.gptviz = { p, lines, after, panels, w, h, version: (canvas.gptviz?.version ?? 0) + 1 }
  say(view)
}

// ---- the slider, the pointer and the keys

function slide(view) {
  const { slider } = view
  const rest = () => view.send(Number(slider.value))
  let keyed = false
  const hold = on => () => {
    view.held = on
    keyed = false
  }
  slider.onpointerdown = hold(true)
  slider.onpointerup = slider.onpointercancel = hold(false)
  slider.onkeydown = event => {
    keyed = true
    event.stopPropagation()
  }
  slider.oninput = () => {
    view.p = Number(slider.value)
    draw(view, view.width)
  }
  slider.onchange = () => {
    clearTimeout(view.timer)
    if (keyed) view.timer = setTimeout(() => ((view.timer = 0), rest()), KEYED)
    else rest()
  }
}

function pointAt(view) {
  const { canvas } = view
  canvas.onpointermove = event => {
    view.hover = cellAt(view, event.offsetX, event.offsetY)
    tell(view)
  }
  canvas.onpointerleave = () => {
    view.hover = null
    tell(view)
  }
  canvas.onclick = () => {
    view.cell = view.hover ?? view.cell
    draw(view, view.width)
  }
  canvas.onkeydown = event => {
    const step = STEPS[event.key]
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    event.stopPropagation()
    const last = [view.picture.rows - 1, view.picture.cols - 1]
    view.hover = null
    view.cell = view.cell.map((at, n) => clamp(at + step[n], 0, last[n]))
    draw(view, view.width)
  }
}

function cellAt({ picture, panels, w, h }, x, y) {
  const p = panels.find(p => x >= p.x && x < p.x + w && y >= p.y && y < p.y + h)
  return p ? [Math.floor(((y - p.y) / h) * picture.rows), Math.floor(((x - p.x) / w) * picture.cols)] : null
}

// ---- words

const total = (lines, name) => lines.reduce((sum, line) => sum + line[name], 0)
const expected = (n, p) => `${fixed(n * p, 1)} ± ${fixed(Math.sqrt(n * p * (1 - p)), 1)}`

// The arithmetic of the number that is pointed at, or else chosen.
function tell(view) {
  const { picture, p, fate } = view
  const [r, c] = view.hover ?? view.cell
  const i = r * picture.cols + c
  const noise = fixed(Math.floor(picture.noise[i] * 1e4) / 1e4, 4)
  const [x, y, rate] = [digits(picture.values[i], 4), digits(view.after[i], 4), fixed(p, 2)]
  let said = `${x} × 1 / (1 − ${rate}) = ${x} × ${fixed(view.scale, 3)} = ${y}  (noise ${noise} ≥ ${rate}: kept)`
  if (fate[i] === FELL) said = `${x} × 0 = 0  (noise ${noise} < ${rate}: dropped)`
  else if (fate[i] === LATER) said = "a later key, 0 by the causal mask with or without dropout"
  else if (!picture.on) said = `${x} × 1 = ${y}`
  view.sum.textContent = `${picture.labels[r]}, ${picture.weights ? "key" : "feature"} ${c}: ${said}`
  view.sum.title = `${picture.code}${picture.first + r}, ${c}]`
}

function say(view) {
  const { picture, p, lines } = view
  const rate = fixed(p, 2)
  const [zeros, count] = [total(lines, "zeros"), total(lines, "count")]
  view.rate.textContent = `p = ${rate}`
  view.factor.textContent = picture.on ? `survivors × 1 / (1 − ${rate}) = ${fixed(view.scale, 3)}` : "EVAL: not used, every factor is 1"
  view.count.textContent = counted(view, rate, zeros, count)
  const old = picture.on && Math.abs(p - picture.p) > 1e-9
  const live = `Live: the numbers before are still those of the pass at p = ${fixed(picture.p, 2)}; let go and the model runs at ${rate}.`
  const blended = view.blended && "Cells narrower than a pixel blend."
  view.from.textContent = [old ? live : picture.source, picture.note, blended].filter(Boolean).join(" ")
  view.slider.setAttribute("aria-valuetext", `p ${rate}, ${zeros} of ${count} numbers are zero`)
  view.canvas.setAttribute("aria-label", `${picture.alt} Arrow keys choose the number that is written out.`)
  tell(view)
}

// How many numbers fell, beside how many are expected to.
function counted({ picture, p, lines }, rate, zeros, count) {
  if (!picture.on) return "Nothing is dropped: before and after are the same numbers."
  if (!picture.weights)
    return `Zeros a token: p × width = ${rate} × ${picture.cols} = ${expected(picture.cols, p)} expected. Shown: ${zeros} of ${count}.`
  const sums = lines.map(line => line.after)
  const [least, most] = [Math.min(...sums), Math.max(...sums)].map(sum => fixed(sum, 2))
  return `Zeros: ${zeros} of ${count} routes, ${expected(count, p)} expected. Row sums ${least} to ${most}.`
}
