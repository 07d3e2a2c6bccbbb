// Dropout of a gptviz.figures.live.DropoutStrips, thresholded here while the slider moves. `data` is payload() of __init__.py.
const KEYED = 250 // ms after the last key until the server is asked
const HEIGHT = 350
const DROPPED = 1
const LATER = 2 // a key the query must not read: there is nothing to drop
const views = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  const view = views.get(parentElement) ?? create(parentElement)
  views.set(parentElement, view)
  view.send = () => setTriggerValue("p", Number(view.slider.value))
  if (view.data !== data) decode(view, (view.data = data))
  draw(view)
  return () => {
    clearTimeout(view.timer)
    view.observer.disconnect()
    views.delete(parentElement)
  }
}

function decode(view, bytes) {
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)
  const g = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size)))
  const end = 4 + size + 4 * g.rows * g.cols
  g.values = new Float32Array(bytes.slice(4 + size, end).buffer)
  g.noise = new Float32Array(bytes.slice(end).buffer)
  const { slider, g: old } = view
  const [min, max, step] = g.span
  Object.assign(slider, { min, max, step })
  if (!view.held && !view.timer) slider.value = view.p = g.p // under a finger or between keys it stays where it is
  if (!old || old.rows !== g.rows || old.cols !== g.cols || `${old.chosen}` !== `${g.chosen}`) view.cell = g.chosen
  view.g = g
}

function create(root) {
  const find = name => root.querySelector(name)
  const view = { box: find(".live"), slider: find("input"), canvas: find("canvas"), hover: null, timer: 0 }
  for (const name of ["rate", "factor", "sum", "count", "from"]) view[name] = find(`.${name}`)
  const { slider, canvas } = view
  let keyed = false
  const hold = on => () => {
    view.held = on
    keyed = false
  }
  slider.onpointerdown = hold(true)
  slider.onpointerup = slider.onpointercancel = hold(false)
  slider.onkeydown = e => {
    keyed = true
    e.stopPropagation()
  }
  slider.oninput = () => {
    view.p = Number(slider.value)
    draw(view)
  }
  slider.onchange = () => {
    clearTimeout(view.timer)
    if (keyed) view.timer = setTimeout(() => ((view.timer = 0), view.send()), KEYED)
    else view.send()
  }
  const point = e => {
    const { g, w, h } = view
    const p = e && view.panels.find(p => e.offsetX >= p.x && e.offsetX < p.x + w && e.offsetY >= p.y && e.offsetY < p.y + h)
    view.hover = p ? [Math.floor(((e.offsetY - p.y) / h) * g.rows), Math.floor(((e.offsetX - p.x) / w) * g.cols)] : null
    tell(view)
  }
  canvas.onpointermove = point
  canvas.onpointerleave = () => point(null)
  canvas.onclick = () => {
    view.cell = view.hover ?? view.cell
    draw(view)
  }
  canvas.onkeydown = e => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[e.key]
    if (!step || e.ctrlKey || e.metaKey || e.altKey) return
    e.preventDefault()
    e.stopPropagation()
    const last = [view.g.rows - 1, view.g.cols - 1]
    view.hover = null
    view.cell = view.cell.map((at, n) => clamp(at + step[n], 0, last[n]))
    draw(view)
  }
  view.observer = new ResizeObserver(() => view.box.clientWidth !== view.width && draw(view))
  view.observer.observe(view.box)
  document.fonts.ready.then(() => draw(view))
  return view
}

const clamp = (x, low, high) => Math.min(high, Math.max(low, x))
const fixed = (x, n) => x.toFixed(n).replace("-", "−")
const digits = (x, n) => String(Number(x.toPrecision(n))).replace("-", "−")
const total = (lines, name) => lines.reduce((sum, line) => sum + line[name], 0)
const spread = (n, p) => `${fixed(n * p, 1)} ± ${fixed(Math.sqrt(n * p * (1 - p)), 1)}`

// ---- the arithmetic of gptviz.hooks.Dropout, in float32

function compute(view) {
  const { g, p } = view
  const rest = g.on ? Math.fround(1 - p) : 1
  view.scale = 1 / rest
  view.fate = new Uint8Array(g.values.length)
  view.after = g.values.map((x, i) => {
    if (g.weights && i % g.cols > g.first + Math.floor(i / g.cols)) view.fate[i] = LATER
    else if (g.on && g.noise[i] < Math.fround(p)) view.fate[i] = DROPPED
    return view.fate[i] ? 0 : x / rest
  })
  view.lines = g.labels.map((_, r) => {
    const row = array => array.subarray(r * g.cols, (r + 1) * g.cols)
    const fate = row(view.fate)
    const size = x => {
      const mean = x.reduce((sum, one) => sum + one, 0) / g.cols
      return g.weights ? mean * g.cols : Math.sqrt(x.reduce((sum, one) => sum + (one - mean) ** 2, 0) / g.cols)
    }
    const count = fate.filter(one => one !== LATER).length
    return { zeros: fate.filter(one => one === DROPPED).length, count, before: size(row(g.values)), after: size(row(view.after)) }
  })
}

// ---- words

function tell(view) {
  const { g, p, fate } = view
  const [r, c] = view.hover ?? view.cell
  const i = r * g.cols + c
  const [x, y, noise, rate] = [digits(g.values[i], 4), digits(view.after[i], 4), fixed(Math.floor(g.noise[i] * 1e4) / 1e4, 4), fixed(p, 2)]
  let said = `${x} × 1 / (1 − ${rate}) = ${x} × ${fixed(view.scale, 3)} = ${y}  (noise ${noise} ≥ ${rate}: kept)`
  if (fate[i] === DROPPED) said = `${x} × 0 = 0  (noise ${noise} < ${rate}: dropped)`
  else if (fate[i] === LATER) said = "a later key, 0 by the causal mask with or without dropout"
  else if (!g.on) said = `${x} × 1 = ${y}`
  view.sum.textContent = `${g.labels[r]}, ${g.weights ? "key" : "feature"} ${c}: ${said}`
  view.sum.title = `${g.code}${g.first + r}, ${c}]`
}

function say(view) {
  const { g, p, lines } = view
  const rate = fixed(p, 2)
  const [zeros, count] = [total(lines, "zeros"), total(lines, "count")]
  const sums = lines.map(line => line.after)
  view.rate.textContent = `p = ${rate}`
  view.factor.textContent = g.on ? `survivors × 1 / (1 − ${rate}) = ${fixed(view.scale, 3)}` : "EVAL: not used, every factor is 1"
  view.count.textContent = !g.on
    ? "Nothing is dropped: before and after are the same numbers."
    : g.weights
      ? `Zeros: ${zeros} of ${count} routes, ${spread(count, p)} expected. Row sums ${fixed(Math.min(...sums), 2)} to ${fixed(Math.max(...sums), 2)}.`
      : `Zeros a token: p × width = ${rate} × ${g.cols} = ${spread(g.cols, p)} expected. Shown: ${zeros} of ${count}.`
  const old = g.on && Math.abs(p - g.p) > 1e-9
  const source = old ? `Live: the numbers before are still those of the pass at p = ${fixed(g.p, 2)}; let go and the model runs at ${rate}.` : g.source
  view.from.textContent = [source, g.note, view.blended && "Cells narrower than a pixel blend."].filter(Boolean).join(" ")
  view.slider.setAttribute("aria-valuetext", `p ${rate}, ${zeros} of ${count} numbers are zero`)
  view.canvas.setAttribute("aria-label", `${g.alt} Arrow keys choose the number that is written out.`)
  tell(view)
}

// ---- colours

const rgb = hex => [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16))
const mixed = (a, b, t) => a.map((x, n) => Math.round(x + (b[n] - x) * t))
const css = colour => `rgb(${colour})`
const light = colour => colour.reduce((sum, x, n) => sum + [0.2126, 0.7152, 0.0722][n] * (x / 255) ** 2.2, 0)

function palette(view, text) {
  const style = getComputedStyle(view.box)
  const read = name => {
    text.fillStyle = style.getPropertyValue(name).trim()
    return rgb(text.fillStyle)
  }
  const [paper, ink] = [read("--st-background-color"), read("--st-text-color")]
  const mode = light(paper) < 0.18 ? "dark" : "light"
  const [hidden, line] = view.g.hidden[mode].map(rgb)
  const grey = share => css(mixed(ink, paper, share))
  const accent = css(read("--st-primary-color"))
  const ramp = (kind, stops = view.g.scales[kind][mode].map(rgb)) =>
    Array.from({ length: 256 }, (_, n) => {
      const at = (n / 255) * (stops.length - 1)
      const k = Math.min(Math.floor(at), stops.length - 2)
      return mixed(stops[k], stops[k + 1], at - k)
    })
  return { paper: css(paper), ink: css(ink), quiet: grey(0.28), band: grey(0.86), hidden, line: css(line), accent, ramp, family: style.fontFamily }
}

// ---- drawing

function draw(view) {
  const { g, canvas, box } = view
  const width = (view.width = box.clientWidth)
  if (!g || !width) return
  compute(view)
  const { fate, lines } = view
  const text = canvas.getContext("2d")
  const look = palette(view, text)
  const use = (size, colour, weight = "") => ((text.font = `${weight} ${size}px ${look.family}`), (text.fillStyle = colour))
  const put = (string, x, y, align = "left", room = width) => {
    text.textAlign = align
    let end = string.length
    while (end > 1 && text.measureText(string.slice(0, end)).width > room) end--
    text.fillText(end < string.length ? `${string.slice(0, end - 1)}…` : string, x, y)
  }

  // Strips of few tokens stand under each other, everything else side by side.
  use(13, look.ink)
  const label = Math.min(120, Math.max(...g.labels.map(name => text.measureText(name).width)) + 10)
  const stacked = !g.weights && g.rows <= 6
  const head = 25
  const number = g.weights ? 58 : 60
  const dots = g.weights ? 0 : stacked ? 130 : 60
  const sides = stacked ? [number + dots, number + dots, number + dots] : [number, number + dots, number]
  const gap = 22
  const room = stacked ? width - label - sides[0] : (width - label - 3 * number - dots - 2 * gap) / 3
  const ch = clamp(Math.floor(((stacked ? HEIGHT / 3 : HEIGHT) - head) / g.rows), 5, g.weights ? 64 : 26)
  const w = (view.w = g.weights ? Math.min(room, Math.max(150, g.cols * Math.max(ch, 44))) : room)
  const h = (view.h = ch * g.rows)
  const cw = w / g.cols
  let [x, y] = [label, head]
  view.panels = sides.map(side => {
    const panel = { x, y }
    if (stacked) y += h + head
    else x += w + side + gap
    return panel
  })
  const ratio = window.devicePixelRatio || 1
  const height = (stacked ? y - head : y + h) + (g.weights ? 36 : 18)
  canvas.width = Math.round(width * ratio)
  canvas.height = Math.round(height * ratio)
  canvas.style.height = `${height}px`
  text.setTransform(ratio, 0, 0, ratio, 0, 0)
  view.blended = cw * ratio < 1

  const [ramp, factors] = [look.ramp(g.weights ? "weight" : "signed"), look.ramp("weight")]
  const colour = (n, i) => {
    if (fate[i] === LATER || (fate[i] && n)) return look.hidden
    return n === 1 ? factors[128] : ramp[Math.round(clamp(((n ? view.after : g.values)[i] - g.low) / (g.high - g.low), 0, 1) * 255)]
  }
  const titles = [g.title, g.on ? `× mask: 0 or ${fixed(view.scale, 2)}` : "× mask: all 1", "= after dropout"]

  view.panels.forEach(({ x, y }, n) => {
    const image = new ImageData(g.cols, g.rows)
    for (let i = 0; i < fate.length; i++) image.data.set([...colour(n, i), 255], 4 * i)
    const cells = new OffscreenCanvas(g.cols, g.rows)
    cells.getContext("2d").putImageData(image, 0, 0)
    text.imageSmoothingEnabled = view.blended
    text.drawImage(cells, x, y, w, h)
    text.fillStyle = look.paper
    for (let r = 1; r < g.rows; r++) text.fillRect(x, y + r * ch - 1, w, 1)
    if (cw >= 8) for (let c = 1; c < g.cols; c++) text.fillRect(x + c * cw - 0.5, y, 1, h)
    text.strokeStyle = look.band
    text.strokeRect(x - 0.5, y - 0.5, w + 1, h + 1)
    if (cw >= 8 && ch >= 8) fate.forEach((_, i) => inside(n, i, x + ((i % g.cols) + 0.5) * cw, y + (Math.floor(i / g.cols) + 0.5) * ch))
    around(n, x, y)
    const [r, c] = view.cell
    const wide = Math.max(cw, 4)
    text.strokeStyle = look.accent
    text.lineWidth = 2
    text.strokeRect(x + (c + 0.5) * cw - wide / 2 - 1, y + r * ch - 1, wide + 2, ch + 1)
    text.lineWidth = 1
  })

  // A cross for what fell, a stroke for a later key, else the number where there is room.
  function inside(n, i, x, y) {
    const arm = Math.min(cw, ch, 26) * 0.26
    const crossed = fate[i] === DROPPED && n
    if (crossed || fate[i] === LATER) {
      text.strokeStyle = look.line
      text.beginPath()
      for (const way of crossed ? [1, -1] : [-1]) (text.moveTo(x - arm, y - way * arm), text.lineTo(x + arm, y + way * arm))
      text.stroke()
    } else if (g.weights && cw >= 32 && ch >= 15) {
      use(13, light(colour(n, i)) > 0.18 ? "#000" : "#fff")
      put(fixed([g.values[i], view.scale, view.after[i]][n], 2), x, y + 5, "center")
    }
  }

  // Title, row labels, and what is counted or measured of every row.
  function around(n, x, y) {
    const side = x + w + number - 4
    text.fillStyle = g.colour
    text.fillRect(x, y - 17, 4, 13)
    use(13, look.ink, "600")
    put(titles[n], x + 9, y - 6, "left", w - 9)
    use(12, look.quiet)
    put(n === 1 ? "zeros" : g.weights ? "sum" : "spread", side, y - 6, "right")
    lines.forEach((line, r) => {
      if (r % Math.ceil(13 / ch) && r !== view.cell[0]) return
      const middle = y + (r + 0.5) * ch + 5
      use(13, look.ink, r === view.cell[0] ? "600" : "")
      if (stacked || n === 0) put(g.labels[r], x - 8, middle, "right", label - 8)
      const size = n ? line.after : line.before
      put(n === 1 ? `${line.zeros}${g.weights ? ` of ${line.count}` : ""}` : g.weights ? fixed(size, 2) : digits(size, 3), side, middle, "right")
    })
    if (n === 1 && dots && g.on) plot(side + 12, side + dots, y)
    use(12, look.quiet)
    if (g.weights) {
      const step = Math.ceil((text.measureText(g.cols).width + 8) / cw)
      for (let c = 0; c < g.cols; c += step) put(String(c), x + (c + 0.5) * cw, y + h + 15, "center")
      put("key: is read", x + w / 2, y + h + 31, "center")
    } else if (!stacked || n === 2) {
      put("feature 0", x, y + h + 14)
      put(String(g.cols - 1), x + w, y + h + 14, "right")
    }
  }

  // Zeros of every row between four standard deviations below and above p × width; the band is one of them.
  function plot(left, right, y) {
    const mean = view.p * g.cols
    const sd = Math.sqrt(mean * (1 - view.p))
    const place = zeros => (left + right) / 2 + (sd ? clamp((zeros - mean) / sd / 8, -0.5, 0.5) : 0) * (right - left)
    text.fillStyle = look.band
    text.fillRect(place(mean - sd), y, place(mean + sd) - place(mean - sd), h)
    text.fillStyle = look.quiet
    text.fillRect(place(mean) - 0.5, y, 1, h)
    use(12, look.quiet)
    put(stacked ? `${fixed(mean, 0)} ± ${fixed(sd, 1)}` : fixed(mean, 0), place(mean), y - 6, "center")
    lines.forEach((line, r) => {
      text.fillStyle = r === view.cell[0] ? look.accent : look.ink
      text.beginPath()
      text.arc(place(line.zeros), y + (r + 0.5) * ch, 4, 0, 7)
      text.fill()
    })
  }

  const { p, after, panels } = view
  canvas.gptviz = { p, lines, after, panels, w, h, version: (canvas.gptviz?.version ?? 0) + 1 }
  say(view)
}
