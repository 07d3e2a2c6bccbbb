// Dropout of a gptviz.figures.live.DropoutStrips, thresholded here while the slider moves. `data` is payload() of __init__.py.
const KEYED = 250 // ms after the last key until the server is asked
const views = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  const view = views.get(parentElement) ?? create(parentElement)
  views.set(parentElement, view)
  view.send = p => setTriggerValue("p", p)
  if (view.data !== data) {
    view.data = data
    decode(view, data)
  }
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
  const { slider } = view
  const old = view.g
  view.g = g
  Object.assign(slider, { min: g.span[0], max: g.span[1], step: g.span[2] })
  if (!view.held && !view.timer) slider.value = view.p = g.p // a slider under the finger stays where it is
  if (!old || old.rows !== g.rows || old.cols !== g.cols || `${old.chosen}` !== `${g.chosen}`) view.cell = g.chosen
}

function create(root) {
  const find = name => root.querySelector(name)
  const view = { box: find(".live"), slider: find("input"), canvas: find("canvas"), hover: null, version: 0 }
  for (const name of ["rate", "factor", "sum", "count", "from"]) view[name] = find(`.${name}`)
  const { slider, canvas } = view
  let keyed = false
  slider.onpointerdown = () => ((view.held = true), (keyed = false))
  slider.onpointerup = slider.onpointercancel = () => (view.held = false)
  slider.onkeydown = e => ((keyed = true), e.stopPropagation())
  slider.oninput = () => {
    view.p = Number(slider.value)
    draw(view)
  }
  slider.onchange = () => {
    clearTimeout(view.timer)
    const send = () => ((view.timer = 0), view.send(Number(slider.value)))
    if (keyed) view.timer = setTimeout(send, KEYED)
    else send()
  }
  const under = e => {
    const box = canvas.getBoundingClientRect()
    const [x, y] = [e.clientX - box.left, e.clientY - box.top]
    for (const p of view.panels ?? []) {
      if (x >= p.x && x < p.x + p.w && y >= p.y && y < p.y + p.h) {
        return [Math.floor(((y - p.y) / p.h) * view.g.rows), Math.floor(((x - p.x) / p.w) * view.g.cols)]
      }
    }
    return null
  }
  canvas.onpointermove = e => {
    view.hover = under(e)
    tell(view)
  }
  canvas.onpointerleave = () => {
    view.hover = null
    tell(view)
  }
  const choose = cell => {
    view.cell = cell
    draw(view)
  }
  canvas.onclick = e => under(e) && choose(under(e))
  canvas.onkeydown = e => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[e.key]
    if (!step || e.ctrlKey || e.metaKey || e.altKey) return
    e.preventDefault()
    e.stopPropagation()
    view.hover = null
    choose([clamp(view.cell[0] + step[0], 0, view.g.rows - 1), clamp(view.cell[1] + step[1], 0, view.g.cols - 1)])
  }
  view.observer = new ResizeObserver(() => view.g && view.box.clientWidth !== view.width && draw(view))
  view.observer.observe(view.box)
  document.fonts.ready.then(() => view.g && draw(view))
  return view
}

const clamp = (x, low, high) => Math.min(high, Math.max(low, x))
const signed = text => text.replace("-", "−")
const fixed = (x, n) => signed(x.toFixed(n))
const digits = (x, n) => signed(String(Number(x.toPrecision(n))))
const grouped = n => n.toLocaleString("en-US")

// ---- the arithmetic of gptviz.hooks.Dropout, in float32

function compute(view) {
  const { g, p } = view
  const rate = Math.fround(p)
  const rest = g.on ? Math.fround(1 - p) : 1
  const lines = []
  g.after = new Float32Array(g.values.length)
  g.fate = new Uint8Array(g.values.length) // 0 kept, 1 dropped, 2 not there
  for (let r = 0, i = 0; r < g.rows; r++) {
    const line = { zeros: 0, count: 0, before: 0, after: 0, squares: [0, 0] }
    for (let c = 0; c < g.cols; c++, i++) {
      if (g.weights && c > g.first + r) {
        g.fate[i] = 2
        continue
      }
      const gone = g.on && g.noise[i] < rate
      g.fate[i] = gone ? 1 : 0
      g.after[i] = gone ? 0 : g.values[i] / rest
      line.count++
      line.zeros += gone ? 1 : 0
      line.before += g.values[i]
      line.after += g.after[i]
      line.squares[0] += g.values[i] ** 2
      line.squares[1] += g.after[i] ** 2
    }
    const sd = (sum, squares) => Math.sqrt(Math.max(0, squares / line.count - (sum / line.count) ** 2))
    line.shown = g.weights ? [line.before, line.after] : [sd(line.before, line.squares[0]), sd(line.after, line.squares[1])]
    lines.push(line)
  }
  g.lines = lines
  view.scale = 1 / rest
}

// ---- words

function tell(view) {
  const { g, p } = view
  const [r, c] = view.hover ?? view.cell
  const i = r * g.cols + c
  const [x, y] = [g.values[i], g.after[i]]
  const place = `${g.labels[r]}, ${g.weights ? "key" : "feature"} ${c}: `
  const rate = fixed(p, 2)
  const noise = digits(g.noise[i], 3)
  let said = `${digits(x, 4)} × 1 / (1 − ${rate}) = ${digits(x, 4)} × ${fixed(view.scale, 3)} = ${digits(y, 4)}  (noise ${noise} ≥ ${rate}: kept)`
  if (g.fate[i] === 1) said = `${digits(x, 4)} × 0 = 0  (noise ${noise} < ${rate}: dropped)`
  if (g.fate[i] === 2) said = "a later key: its weight is 0 because of the causal mask, with or without dropout"
  else if (!g.on) said = `${digits(x, 4)} × 1 = ${digits(y, 4)}`
  view.sum.textContent = place + said
  view.sum.title = `${g.code}${g.first + r}, ${c}]`
}

function say(view) {
  const { g, p } = view
  const rate = fixed(p, 2)
  view.rate.textContent = `p = ${rate}`
  view.factor.textContent = g.on ? `survivors × 1 / (1 − ${rate}) = ${fixed(view.scale, 3)}` : "EVAL: not used, every factor is 1"
  const total = g.lines.reduce((sum, line) => sum + line.count, 0)
  const zeros = g.lines.reduce((sum, line) => sum + line.zeros, 0)
  const spread = n => `${fixed(n * p, 1)} ± ${fixed(Math.sqrt(n * p * (1 - p)), 1)}`
  const sums = g.lines.map(line => line.after)
  let count = "Nothing is dropped: before and after are the same numbers."
  if (g.on && g.weights) {
    count = `Zeros: ${grouped(zeros)} of ${grouped(total)} routes, ${spread(total)} expected. Row sums ${fixed(Math.min(...sums), 2)} to ${fixed(Math.max(...sums), 2)}.`
  } else if (g.on) {
    count = `Zeros a token: p × width = ${rate} × ${g.cols} = ${spread(g.cols)} expected. Shown: ${grouped(zeros)} of ${grouped(total)}.`
  }
  view.count.textContent = count
  const moved = g.on && Math.abs(p - g.p) > 1e-9
  const source = moved ? `Live: the numbers before are still those of the pass at p = ${fixed(g.p, 2)}; let go and the model runs at ${rate}.` : g.source
  view.from.textContent = [source, g.note, view.blended ? "Cells narrower than a pixel blend." : ""].filter(Boolean).join(" ")
  view.slider.setAttribute("aria-valuetext", `p ${rate}, ${zeros} of ${total} numbers are zero`)
  view.canvas.setAttribute("aria-label", `${g.alt} Arrow keys choose the number that is written out.`)
  tell(view)
}

// ---- colours

const rgb = hex => [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16))
const mixed = (a, b, t) => a.map((x, n) => x + (b[n] - x) * t)
const css = colour => `rgb(${colour.map(Math.round).join(",")})`
const light = ([r, g, b]) => 0.2126 * (r / 255) ** 2.2 + 0.7152 * (g / 255) ** 2.2 + 0.0722 * (b / 255) ** 2.2

function palette(view, text) {
  const style = getComputedStyle(view.box)
  const read = (name, otherwise) => {
    text.fillStyle = otherwise
    text.fillStyle = style.getPropertyValue(name).trim() || otherwise
    const colour = text.fillStyle
    return colour.startsWith("#") ? rgb(colour) : colour.match(/[\d.]+/g).slice(0, 3).map(Number)
  }
  const paper = read("--st-background-color", "#ffffff")
  const ink = read("--st-text-color", "#222222")
  const mode = light(paper) < 0.18 ? "dark" : "light"
  const [hidden, line] = view.g.hidden[mode].map(rgb)
  const family = style.getPropertyValue("--st-font").trim() || "sans-serif"
  const accent = css(read("--st-primary-color", "#0060a0"))
  return { paper, ink: css(ink), quiet: css(mixed(ink, paper, 0.28)), band: css(mixed(ink, paper, 0.86)), hidden, line, accent, mode, family }
}

// ---- drawing

function draw(view) {
  const { g, canvas } = view
  const width = (view.width = view.box.clientWidth)
  if (!width) return
  compute(view)
  const [font, small] = [13, 12]
  const ratio = window.devicePixelRatio || 1
  const text = canvas.getContext("2d")
  const look = palette(view, text)
  const use = (size, colour, weight = "") => ((text.font = `${weight} ${size}px ${look.family}`), (text.fillStyle = colour))
  const clipped = (string, room) => {
    let end = string.length
    while (end > 1 && text.measureText(string.slice(0, end) + (end < string.length ? "…" : "")).width > room) end--
    return end < string.length ? string.slice(0, end) + "…" : string
  }

  // Layout: strips of few tokens under each other, everything else side by side.
  use(font, look.ink)
  const label = Math.min(120, width * 0.2, Math.max(...g.labels.map(name => text.measureText(name).width)) + 10)
  const stacked = !g.weights && g.rows <= 6
  const head = font + 12
  const [number, dots] = [64, g.weights ? 0 : stacked ? 130 : 60]
  const sides = stacked ? Array(3).fill(number + dots) : [number, number + dots, number]
  const gap = 24
  const room = stacked ? width - label - sides[0] : (width - label - sides[0] - sides[1] - sides[2] - 2 * gap) / 3
  const tall = clamp(Math.floor(stacked ? (300 / 3 - head) / g.rows : (300 - head) / g.rows), 5, g.weights ? 60 : 24)
  const w = g.weights ? Math.min(room, g.cols * Math.max(tall, 44)) : room
  const h = tall * g.rows
  const foot = g.weights ? font + 22 : 18
  let [x, y] = [label, head]
  view.panels = ["before", "mask", "after"].map((name, n) => {
    const panel = { name, x, y, w, h, side: sides[n] }
    if (stacked) y += h + head
    else x += w + sides[n] + gap
    return panel
  })
  const height = (stacked ? y - head : y + h) + foot
  canvas.width = Math.round(width * ratio)
  canvas.height = Math.round(height * ratio)
  canvas.style.height = `${height}px`
  text.setTransform(ratio, 0, 0, ratio, 0, 0)

  const [cw, ch] = [w / g.cols, tall]
  view.blended = cw * ratio < 1
  const stops = kind => g.scales[kind][look.mode].map(rgb)
  const shade = (kind, at) => {
    const all = stops(kind)
    const t = clamp(at, 0, 1) * (all.length - 1)
    const k = Math.min(Math.floor(t), all.length - 2)
    return mixed(all[k], all[k + 1], t - k)
  }
  const ramps = {}
  for (const kind of ["weight", "signed"]) ramps[kind] = Array.from({ length: 256 }, (_, n) => shade(kind, n / 255))
  const ramp = ramps[g.weights ? "weight" : "signed"]
  const colour = (n, i) => {
    if (g.fate[i] === 2 || (g.fate[i] === 1 && n > 0)) return look.hidden
    if (n === 1) return ramps.weight[128]
    const value = n ? g.after[i] : g.values[i]
    return ramp[Math.round(clamp((value - g.low) / (g.high - g.low), 0, 1) * 255)]
  }
  const shape = `${g.rows} × ${g.cols}`
  const titles = [`${g.title} (${shape})`, g.on ? `mask: 0 or ${fixed(view.scale, 2)}` : "mask: all 1", "after dropout"]
  const longest = g.weights && g.cols <= 12 && cw >= 32 && ch >= 15

  view.panels.forEach((panel, n) => {
    const image = new ImageData(g.cols, g.rows)
    for (let i = 0; i < g.values.length; i++) image.data.set([...colour(n, i), 255], 4 * i)
    const cells = new OffscreenCanvas(g.cols, g.rows)
    cells.getContext("2d").putImageData(image, 0, 0)
    text.imageSmoothingEnabled = view.blended
    text.drawImage(cells, panel.x, panel.y, w, h)
    text.fillStyle = css(look.paper)
    for (let r = 1; r < g.rows; r++) text.fillRect(panel.x, panel.y + r * ch - 1, w, 1)
    if (cw >= 8) for (let c = 1; c < g.cols; c++) text.fillRect(panel.x + c * cw - 0.5, panel.y, 1, h)
    text.strokeStyle = look.band
    text.strokeRect(panel.x - 0.5, panel.y - 0.5, w + 1, h + 1)
    if (cw >= 8 && ch >= 8) {
      for (let i = 0; i < g.values.length; i++) {
        const [cx, cy] = [panel.x + ((i % g.cols) + 0.5) * cw, panel.y + (Math.floor(i / g.cols) + 0.5) * ch]
        const arm = Math.min(cw, ch, 26) * 0.26
        text.strokeStyle = css(look.line)
        text.beginPath()
        if (g.fate[i] === 1 && n > 0) for (const way of [1, -1]) (text.moveTo(cx - arm, cy - way * arm), text.lineTo(cx + arm, cy + way * arm))
        if (g.fate[i] === 2) (text.moveTo(cx - arm, cy + arm), text.lineTo(cx + arm, cy - arm))
        text.stroke()
        if (!longest || g.fate[i] === 2 || (g.fate[i] === 1 && n > 0)) continue
        use(font, light(colour(n, i)) > 0.18 ? "#000" : "#fff")
        text.textAlign = "center"
        text.fillText(fixed([g.values[i], view.scale, g.after[i]][n], 2), cx, cy + font * 0.35)
      }
    }
    write(panel, n)
  })

  function put(string, at, line, align) {
    text.textAlign = align
    text.fillText(string, at, line)
  }

  function write(panel, n) {
    const line = panel.y - 6
    text.fillStyle = g.colour
    text.fillRect(panel.x, line - font + 2, 4, font)
    const sign = n ? ["", "× ", "= "][n] : ""
    const end = panel.x + w + panel.side
    use(font, look.ink, "600")
    put(clipped(sign + titles[n], w - 12), panel.x + 9, line, "left")
    use(small, look.quiet)
    const over = n === 1 ? "zeros" : g.weights ? "sum" : "spread"
    put(over, panel.x + w + number - 4, line, "right")
    const every = Math.ceil((small + 1) / ch)
    for (let r = 0; r < g.rows; r++) {
      const middle = panel.y + (r + 0.5) * ch + font * 0.35
      const own = g.lines[r]
      if (r % every && r !== view.cell[0]) continue
      use(font, look.ink, r === view.cell[0] ? "600" : "")
      if (stacked || n === 0) put(clipped(g.labels[r], label - 8), panel.x - 8, middle, "right")
      const side = n === 1 ? (g.weights ? `${own.zeros} of ${own.count}` : String(own.zeros)) : digits(own.shown[n ? 1 : 0], 3)
      put(side, panel.x + w + number - 4, middle, "right")
    }
    if (n === 1 && dots) plot(panel, panel.x + w + number + 8, end - 4)
    if (stacked && n < 2) return
    use(small, look.quiet)
    if (!g.weights) {
      put("feature 0", panel.x, panel.y + h + 14, "left")
      put(String(g.cols - 1), panel.x + w, panel.y + h + 14, "right")
      return
    }
    const step = Math.ceil((text.measureText(String(g.cols)).width + 8) / cw)
    for (let c = 0; c < g.cols; c += step) put(String(c), panel.x + (c + 0.5) * cw, panel.y + h + 15, "center")
    put("key: is read", panel.x + w / 2, panel.y + h + 31, "center")
  }

  // Zeros of every row between four standard deviations below and above p x width; the band is one of them.
  function plot(panel, left, right) {
    const mean = g.on ? view.p * g.cols : 0
    const sd = g.on ? Math.sqrt(mean * (1 - view.p)) : 0
    const place = zeros => (left + right) / 2 + (sd ? clamp((zeros - mean) / sd / 4, -1, 1) : 0) * ((right - left) / 2)
    text.fillStyle = look.band
    text.fillRect(place(mean - sd), panel.y, Math.max(1, place(mean + sd) - place(mean - sd)), h)
    text.fillStyle = look.quiet
    text.fillRect(place(mean) - 0.5, panel.y, 1, h)
    use(small, look.quiet)
    put(stacked ? `${fixed(mean, 0)} ± ${fixed(sd, 1)}` : fixed(mean, 0), place(mean), panel.y - 6, "center")
    for (let r = 0; r < g.rows; r++) {
      text.fillStyle = r === view.cell[0] ? look.accent : look.ink
      text.beginPath()
      text.arc(place(g.lines[r].zeros), panel.y + (r + 0.5) * ch, 4, 0, 7)
      text.fill()
    }
  }

  for (const panel of view.panels) {
    const [r, c] = view.cell
    text.strokeStyle = look.accent
    text.lineWidth = 2
    const wide = Math.max(cw, 4)
    text.strokeRect(panel.x + (c + 0.5) * cw - wide / 2 - 1, panel.y + r * ch - 1, wide + 2, ch + 1)
    text.lineWidth = 1
  }
  canvas.gptviz = { p: view.p, lines: g.lines, after: g.after, panels: view.panels, version: ++view.version }
  say(view)
}
