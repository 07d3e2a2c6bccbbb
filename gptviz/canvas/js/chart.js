// A chart of gptviz.figures (a Plotly figure as JSON) as SVG: bars, lines, dots and heatmaps on one or more pairs of axes, with
// what is written and marked on them. drawChart draws it as wide as its element; chartSvg makes the same by itself.

const SPACE = "http://www.w3.org/2000/svg"
const WIDE = 0.54 // of a letter against the size of its type, on average
const GRID = "rgba(138,143,152,0.3)"
const NUMBERS = { f4: Float32Array, f8: Float64Array, i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array,
  u4: Uint32Array }
const KINDS = ["bar", "scatter", "heatmap"]

// Whether everything in a figure is something this file can draw.
export const drawable = figure =>
  figure.data.every(trace => KINDS.includes(trace.type)) && !Object.keys(figure.layout).some(name => name.startsWith("scene"))

// An array of a figure: a plain one, or bytes with their type and shape.
export function list(values) {
  if (!values?.bdata) return values
  const raw = Uint8Array.from(atob(values.bdata), letter => letter.charCodeAt(0))
  const flat = Array.from(new NUMBERS[values.dtype](raw.buffer))
  if (!values.shape) return flat
  const [rows, columns] = String(values.shape).split(",").map(Number)
  return columns ? Array.from({ length: rows }, (_, r) => flat.slice(r * columns, (r + 1) * columns)) : flat
}

const ENTITIES = { "&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"', "&#36;": "$", "&#37;": "%", "&#35;": "#", "&nbsp;": " " }
const plain = text => text.replace(/&(?:lt|gt|amp|quot|nbsp|#3[567]);/g, found => ENTITIES[found])

// A text of a figure: lines of [text, bold]. It knows the tags that charts write themselves; nothing else in it is one.
function lines(text) {
  return String(text).split(/<br ?\/?>/).map(line => {
    let bold = false
    const runs = []
    for (const part of line.split(/(<\/?b>|<\/?i>|<\/?su[bp]>|<span style='color:#\w{6}'>|<\/span>)/)) {
      if (part === "<b>" || part === "</b>") bold = part === "<b>"
      else if (part && !/^<(?:\/?i|\/?su[bp]|span style='color:#\w{6}'|\/span)>$/.test(part)) runs.push([plain(part), bold])
    }
    return runs
  })
}

const letters = text => Math.max(0, ...lines(text).map(runs => runs.reduce((sum, [part]) => sum + [...part].length, 0)))

// A number in d3's notation, as figures use it: ",", ".3f", ".4g", ".0%", "d".
function written(value, format) {
  if (typeof value !== "number") return plain(String(value ?? ""))
  const [, comma, digits, kind] = /^(,?)(?:\.(\d+))?([fgeds%]?)$/.exec(format ?? "") ?? []
  if (kind === "%") return `${(100 * value).toFixed(digits ?? 0)}%`
  if (kind === "e") return value.toExponential(digits)
  const text = kind === "f" ? value.toFixed(digits) : kind === "g" ? String(Number(value.toPrecision(digits ?? 6))) : String(value)
  const whole = comma ? text.replace(/^(-?\d+)/, found => found.replace(/\B(?=(\d{3})+$)/g, ",")) : text
  return whole.replace("-", "−")
}

// What stands under the pointer at one mark.
function told(trace, values) {
  if (trace.hoverinfo === "skip" || !trace.hovertemplate) return ""
  const filled = trace.hovertemplate.replace(/<extra>.*<\/extra>/s, "").replace(/%\{(\w+)(?:\[(\d+)\])?(?::([^}]*))?\}/g, (_, name, at, format) => {
    const value = at === undefined ? values[name] : values[name]?.[at]
    return written(value, format)
  })
  return lines(filled).map(runs => runs.map(([part]) => part).join("")).join("\n")
}

function make(parent, tag, attributes, text) {
  const node = document.createElementNS(SPACE, tag)
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined && value !== null) node.setAttribute(name, value)
  if (text !== undefined) node.textContent = text
  parent.append(node)
  return node
}

// Text at a place. across, down: where it stands against the place (start, middle, end; top, middle, bottom). within: a width that
// it must not leave.
function write(parent, text, x, y, { size, colour, across = "start", down = "middle", turn = 0, weight, within }) {
  if (within) {
    const wide = letters(text) * size * WIDE
    const left = { start: 0, middle: wide / 2, end: wide }[across]
    x = Math.max(Math.min(x, within - wide + left), left)
  }
  const rows = lines(text)
  const high = size * 1.25
  const first = { top: size * 0.85, middle: size * 0.35 - ((rows.length - 1) * high) / 2, bottom: -size * 0.25 - (rows.length - 1) * high }[down]
  const node = make(parent, "text", { "text-anchor": across, "font-size": size, fill: colour, "font-weight": weight,
    transform: turn ? `rotate(${turn} ${x} ${y})` : null })
  rows.forEach((runs, n) => {
    runs.forEach(([part, bold], k) => {
      const place = k ? {} : { x, y: y + first + n * high }
      make(node, "tspan", { ...place, "font-weight": bold ? 700 : null }, part)
    })
  })
}

// ---- axes

function nice(low, high, count) {
  const rough = Math.abs(high - low) / Math.max(1, count) || 1
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 2.5, 5, 10].map(n => n * power).find(n => n >= rough * 0.999)
  const ticks = []
  for (let n = Math.ceil(Math.min(low, high) / step - 1e-9); n * step <= Math.max(low,
    high) + step * 1e-9; n++) ticks.push(Number((n * step).toPrecision(12)))
  return ticks
}

// What an axis spans where the figure does not say: all its numbers, bars from 0, and a little air.
function reach(traces, letter) {
  let [low, high] = [Infinity, -Infinity]
  const take = value => Number.isFinite(value) && ((low = Math.min(low, value)), (high = Math.max(high, value)))
  for (const trace of traces) {
    const along = trace.type === "bar" && (trace.orientation === "h" ? "x" : "y") === letter
    const values = list(trace[letter]) ?? []
    values.forEach((value, n) => {
      const base = along ? at(trace.base, n) ?? 0 : 0
      if (along) take(base)
      take(base + value)
      if (trace.type === "bar" && !along) (take(value - 0.5), take(value + 0.5))
    })
  }
  if (low > high) return [0, 1]
  const air = (high - low || 1) * 0.05
  return [low === 0 ? 0 : low - air, high + air]
}

const at = (value, n) => (Array.isArray(value) ? value[n] : value)

function axis(figure, name, traces, length) {
  const letter = name[0]
  const given = figure.layout[name] ?? {}
  const linked = given.matches ? figure.layout[given.matches.replace(letter, `${letter}axis`)] : null
  const log = given.type === "log"
  let range = given.range ?? linked?.range ?? reach(traces, letter)
  if (given.autorange === "reversed" && !given.range) range = [...range].reverse()
  const tickvals = list(given.tickvals)
  const ticks = tickvals ?? (log ? nice(...range, 6).filter(Number.isInteger).map(n => 10 ** n) : nice(...range,
    given.nticks ? given.nticks - 1 : Math.max(2, Math.round(length / 70))))
  const texts = list(given.ticktext) ?? ticks.map(value => written(value, "g"))
  const size = given.tickfont?.size ?? figure.layout.font?.size ?? 13
  return { ...given, letter, log, range, ticks, texts, size, domain: given.domain ?? [0, 1], shown: given.showticklabels !== false
    && given.visible !== false }
}

const place = ({ range, log, letter, from, to }, value) => {
  const [low, high] = range
  const share = ((log ? Math.log10(value) : value) - low) / (high - low)
  return letter === "x" ? from + share * (to - from) : to - share * (to - from)
}

// Pairs of axes with the traces on them, and the room around all of them.
function arrange(figure, width, height) {
  const { layout } = figure
  const names = new Map()
  for (const trace of figure.data) {
    const key = `${trace.xaxis ?? "x"} ${trace.yaxis ?? "y"}`
    names.set(key, [...(names.get(key) ?? []), trace])
  }
  const full = (name, letter) => name.replace(letter, `${letter}axis`)
  const pairs = [...names].map(([key, traces]) => {
    const [x, y] = key.split(" ")
    return { x: axis(figure, full(x, "x"), traces, width / 1.5), y: axis(figure, full(y, "y"), traces, height / 1.5), traces, names: { x, y } }
  })
  const margin = { l: 10, r: 10, t: 10, b: 10, ...layout.margin }
  const edge = (pair, letter) => pair[letter].domain[0] < 0.02
  for (const pair of pairs) {
    const { x, y } = pair
    const wide = y.shown ? Math.max(0, ...y.texts.map(letters)) * y.size * WIDE + 8 : 0
    const title = y.title?.text ? 20 * lines(y.title.text).length : 0
    pair.titleAt = wide + title / 2
    if (edge(pair, "x")) margin.l = Math.max(margin.l, Math.min(wide + title + 4, width * 0.4))
    const turned = Math.abs(x.tickangle ?? 0) > 0
    const high = x.shown && x.side !== "top" ? (turned ? Math.max(...x.texts.map(letters)) * x.size * WIDE * 0.75 : x.size) + 10 : 2
    pair.below = high
    if (edge(pair, "y")) margin.b = Math.max(margin.b, high + (x.title?.text ? 20 * lines(x.title.text).length : 0))
  }
  const room = { x: margin.l, y: margin.t, w: width - margin.l - margin.r, h: height - margin.t - margin.b }
  for (const { x, y } of pairs) {
    Object.assign(x, { from: room.x + x.domain[0] * room.w, to: room.x + x.domain[1] * room.w })
    Object.assign(y, { from: room.y + (1 - y.domain[1]) * room.h, to: room.y + (1 - y.domain[0]) * room.h })
  }
  return { pairs, room, margin }
}

function drawAxes(svg, pair, look) {
  const { x, y } = pair
  for (const one of [x, y]) {
    const across = one === x
    const seen = one.ticks.map((value, n) => [place(one, value), one.texts[n]]).filter(([where]) => where >= one.from - 0.5 && where <= one.to + 0.5)
    const ends = across ? [y.from, y.to] : [x.from, x.to]
    const rule = (where, colour) => make(svg, "line", across ? { x1: where, x2: where, y1: ends[0], y2: ends[1],
      stroke: colour } : { y1: where, y2: where, x1: ends[0], x2: ends[1], stroke: colour })
    if (one.showgrid !== false) for (const [where] of seen) rule(where, GRID)
    const zero = place(one, 0)
    if (!one.log && one.zeroline !== false && zero >= one.from && zero <= one.to) rule(zero, one.zerolinecolor ?? GRID)
    if (one.shown) labels(svg, pair, one, seen, look)
  }
  const style = { size: x.title?.font?.size ?? look.size, colour: look.ink }
  if (x.title?.text) write(svg, x.title.text, (x.from + x.to) / 2, y.to + pair.below + (x.side === "top" ? 2 : 0), { ...style,
    across: "middle", down: "top" })
  if (y.title?.text) write(svg, y.title.text, x.from - pair.titleAt - 4, (y.from + y.to) / 2, { ...style, across: "middle", turn: -90 })
}

// Ticks' texts, only as many as have room.
function labels(svg, { x, y }, one, seen, look) {
  const across = one === x
  const turn = across ? one.tickangle ?? 0 : 0
  const room = seen.length > 1 ? Math.abs(seen[1][0] - seen[0][0]) : Infinity
  const needed = across && !turn ? Math.max(...seen.map(([, text]) => letters(text))) * one.size * WIDE + 6 : one.size
  const every = Math.max(1, Math.ceil(needed / room))
  seen.forEach(([where, text], n) => {
    if (n % every) return
    const style = { size: one.size, colour: look.ink }
    if (!across) write(svg, text, x.from - 6, where, { ...style, across: "end" })
    else if (one.side === "top") write(svg, text, where, y.from - 3, { ...style, across: "middle", down: "bottom" })
    else write(svg, text, where, y.to + 3, { ...style, across: turn ? (turn > 0 ? "start" : "end") : "middle", down: turn ? "middle" : "top", turn })
  })
}

// ---- traces

// Marks are handed out as [x, y, w, h, text, numbers], for the pointer.
function drawTrace(svg, pair, trace, look, marks) {
  const { x, y } = pair
  const [xs, ys] = [list(trace.x), list(trace.y)]
  if (trace.type === "heatmap") return heatmap(svg, pair, trace, look, marks)
  const custom = list(trace.customdata)
  const say = n => told(trace, { x: xs[n], y: ys[n], customdata: custom?.[n], text: at(trace.text, n) })
  if (trace.type === "bar") return bars(svg, pair, trace, { xs, ys, say }, look, marks)
  const points = xs.map((value, n) => [place(x, value), place(y, ys[n])])
  const finite = points.filter(point => point.every(Number.isFinite))
  const mode = trace.mode ?? "lines"
  const marker = trace.marker ?? {}
  const colour = look.deeper(trace.line?.color ?? at(marker.color, 0) ?? look.ink)
  if (trace.fill === "tozeroy" && finite.length) {
    const zero = place(y, 0)
    const along = stepped(finite, trace.line?.shape)
    make(svg, "path", { d: `M${finite[0][0]} ${zero}L${along.slice(1)}L${finite.at(-1)[0]} ${zero}Z`, fill: trace.fillcolor ?? colour,
      stroke: "none", opacity: trace.fillcolor ? 1 : 0.3 })
  }
  if (mode.includes("lines") && finite.length) {
    const { width = 2, dash } = trace.line ?? {}
    make(svg, "path", { d: stepped(finite, trace.line?.shape), fill: "none", stroke: colour, "stroke-width": width,
      "stroke-dasharray": { dot: "2 4", dash: "7 5" }[dash] })
  }
  whiskers(svg, trace.error_x, points, xs, x, look, true)
  whiskers(svg, trace.error_y, points, ys, y, look, false)
  const sized = list(marker.size) ?? 6
  const paints = list(marker.color) ?? trace.line?.color ?? look.ink
  points.forEach(([px, py], n) => {
    if (!Number.isFinite(px) || !Number.isFinite(py)) return
    const size = at(sized, n)
    if (mode.includes("markers")) {
      const edge = marker.line ?? {}
      make(svg, "circle", { cx: px, cy: py, r: size / 2, fill: look.deeper(at(paints, n)), stroke: at(edge.color, n),
        "stroke-width": at(edge.width, n) ?? 0, opacity: at(marker.opacity, n) ?? trace.opacity })
      const text = say(n)
      if (text) marks.push({ x: px - size / 2, y: py - size / 2, w: size, h: size, text })
    } else if (trace.hovertemplate && trace.hoverinfo !== "skip") marks.push({ x: px - 4, y: py - 4, w: 8, h: 8, text: say(n) })
    if (mode.includes("text")) {
      const where = at(trace.textposition, n) ?? "middle center"
      const off = size / 2 + 4
      const across = where.includes("right") ? "start" : where.includes("left") ? "end" : "middle"
      const down = where.includes("top") ? "bottom" : where.includes("bottom") ? "top" : "middle"
      const beside = across === "start" ? off : across === "end" ? -off : 0
      const over = down === "bottom" ? -off : down === "top" ? off : 0
      write(svg, at(trace.text, n) ?? "", px + (down === "middle" ? beside : beside / 2), py + over, { size: trace.textfont?.size
        ?? look.size, colour: at(trace.textfont?.color, n) ?? look.ink, across, down })
    }
  })
}

function stepped(points, shape) {
  if (shape !== "hvh" && shape !== "hv") return `M${points.map(point => point.join(" ")).join("L")}`
  let path = `M${points[0].join(" ")}`
  for (let n = 1; n < points.length; n++) {
    const bend = shape === "hv" ? points[n][0] : (points[n - 1][0] + points[n][0]) / 2
    path += `H${bend}V${points[n][1]}H${points[n][0]}`
  }
  return path
}

function whiskers(svg, error, points, values, one, look, across) {
  if (!error || error.visible === false) return
  const more = list(error.array) ?? []
  points.forEach(([px, py], n) => {
    const [from, to] = [values[n] - (list(error.arrayminus)?.[n] ?? more[n]), values[n] + more[n]].map(value => place(one, value))
    const stroke = { stroke: look.deeper(error.color ?? look.ink), "stroke-width": error.thickness ?? 2 }
    make(svg, "line", across ? { x1: from, x2: to, y1: py, y2: py, ...stroke } : { x1: px, x2: px, y1: from, y2: to, ...stroke })
  })
}

function bars(svg, pair, trace, { xs, ys, say }, look, marks) {
  const flat = trace.orientation === "h"
  const [along, beside] = flat ? [pair.x, pair.y] : [pair.y, pair.x]
  const [lengths, places] = flat ? [xs, ys] : [ys, xs]
  const wide = trace.width ?? 1 - (look.layout.bargap ?? 0.2)
  const fills = list(trace.marker?.color)
  const edge = trace.marker?.line ?? {}
  const texts = list(trace.text)
  lengths.forEach((length, n) => {
    const stacked = look.layout.barmode === "stack" && trace.base === undefined
    const stack = stacked ? look.stacks : {}
    const name = `${pair.names.x} ${pair.names.y} ${places[n]} ${length < 0}`
    const base = stacked ? stack[name] ?? 0 : at(list(trace.base), n) ?? 0
    stack[name] = base + length
    const half = at(list(wide), n) / 2
    const [a, b] = [place(along, base), place(along, base + length)].sort((one, other) => one - other)
    const [c, d] = [place(beside, places[n] - half), place(beside, places[n] + half)].sort((one, other) => one - other)
    if (![a, b, c, d].every(Number.isFinite)) return
    const box = flat ? { x: a, y: c, w: b - a, h: d - c } : { x: c, y: a, w: d - c, h: b - a }
    const fill = at(fills, n) ?? look.ink
    const width = at(edge.width, n) || (look.layout.bargap !== 0 && look.deeper(fill) !== fill ? 1 : 0)
    const stroke = at(edge.width, n) ? at(edge.color, n) : look.deeper(fill)
    make(svg, "rect", { x: box.x, y: box.y, width: box.w, height: box.h, fill: look.layout.bargap === 0 ? look.deeper(fill) : fill,
      stroke: width ? stroke : "none", "stroke-width": width, opacity: at(trace.marker?.opacity, n) ?? trace.opacity })
    const text = say(n)
    if (text) marks.push({ ...box, text })
    const label = at(texts, n)
    if (label && trace.textposition !== "none") {
      const style = { size: trace.textfont?.size ?? look.size, colour: look.ink, within: look.width }
      if (flat) write(svg, label, box.x + box.w + 4, box.y + box.h / 2, style)
      else write(svg, label, box.x + box.w / 2, box.y - 2, { ...style, across: "middle", down: "bottom" })
    }
  })
}

const hex = colour => [1, 3, 5].map(n => parseInt(colour.slice(n, n + 2), 16))

function mixed(scale, share) {
  const n = Math.max(0, scale.findLastIndex(([stop]) => stop <= share))
  const [[from, a], [to, b]] = [scale[n], scale[Math.min(n + 1, scale.length - 1)]]
  const t = to > from ? (share - from) / (to - from) : 0
  return `rgb(${hex(a).map((one, k) => Math.round(one + (hex(b)[k] - one) * t)).join(",")})`
}

// Cells between edges, or around middles.
function heatmap(svg, { x, y }, trace, look, marks) {
  const z = list(trace.z)
  const custom = list(trace.customdata)
  const edges = (values, count) => {
    const given = list(values) ?? Array.from({ length: count }, (_, n) => n)
    if (given.length === count + 1) return given
    const half = given.length > 1 ? Math.abs(given[1] - given[0]) / 2 : 0.5
    return [given[0] - half, ...given.slice(1).map((one, n) => (one + given[n]) / 2), given.at(-1) + half]
  }
  const down = edges(trace.y, z.length)
  const along = edges(trace.x, z[0].length)
  const flat = z.flat().filter(Number.isFinite)
  const [low, high] = [trace.zmin ?? Math.min(...flat), trace.zmax ?? Math.max(...flat)]
  const gap = trace.xgap ?? 0
  z.forEach((row, r) => {
    row.forEach((value, c) => {
      if (!Number.isFinite(value)) return
      const [a, b] = [place(x, along[c]), place(x, along[c + 1])].sort((one, other) => one - other)
      const [top, bottom] = [place(y, down[r]), place(y, down[r + 1])].sort((one, other) => one - other)
      const box = { x: a + gap / 2, y: top, w: b - a - gap, h: bottom - top }
      if (box.x > x.to || box.x + box.w < x.from) return
      make(svg, "rect", { x: box.x, y: box.y, width: Math.max(0, box.w), height: box.h, fill: mixed(trace.colorscale, Math.min(1,
        Math.max(0, (value - low) / (high - low || 1)))) })
      const text = told(trace, { x: along[c], y: down[r], z: value, customdata: custom?.[r]?.[c], text: trace.text?.[r]?.[c] })
      if (text) marks.push({ ...box, text })
      const label = trace.texttemplate && trace.text?.[r]?.[c]
      if (label) {
        const size = Math.min(trace.textfont?.size ?? look.size, box.w / (letters(label) * WIDE + 0.6))
        if (size >= 7) write(svg, label, box.x + box.w / 2, box.y + box.h / 2, { size, colour: trace.textfont?.color ?? "#1B2027", across: "middle" })
      }
    })
  })
}

// ---- what is written and marked on a chart

// A place on the whole chart or on one pair of axes: in numbers of the axis, or in shares of its length.
function anywhere({ pairs, room }, letter, reference, value) {
  if (!reference || reference === "paper" || reference === "container") {
    return letter === "x" ? room.x + value * room.w : room.y + (1 - value) * room.h
  }
  const [name, domain] = reference.split(" ")
  const one = pairs.find(pair => pair.names[letter] === name)?.[letter]
  if (!one) return NaN
  if (!domain) return place(one, value)
  return letter === "x" ? one.from + value * (one.to - one.from) : one.to - value * (one.to - one.from)
}

function shape(svg, sheet, one, look) {
  const [x0, x1] = [one.x0, one.x1].map(value => anywhere(sheet, "x", one.xref ?? "x", value))
  const [y0, y1] = [one.y0, one.y1].map(value => anywhere(sheet, "y", one.yref ?? "y", value))
  if (![x0, x1, y0, y1].every(Number.isFinite)) return
  const line = { stroke: look.deeper(one.line?.color ?? look.ink), "stroke-width": one.line?.width ?? 1, "stroke-dasharray": { dot: "2 4",
    dash: "7 5" }[one.line?.dash] }
  if (one.type === "line") make(svg, "line", { x1: x0, x2: x1, y1: y0, y2: y1, ...line })
  else make(svg, "rect", { x: Math.min(x0, x1), y: Math.min(y0, y1), width: Math.abs(x1 - x0), height: Math.abs(y1 - y0),
    fill: one.fillcolor ?? "none", ...line })
}

function note(svg, sheet, one, look) {
  const [px, py] = [anywhere(sheet, "x", one.xref ?? "x", one.x), anywhere(sheet, "y", one.yref ?? "y", one.y)]
  if (!Number.isFinite(px) || !Number.isFinite(py)) return
  let [x, y] = [px + (one.xshift ?? 0), py - (one.yshift ?? 0)]
  if (one.showarrow !== false && one.ax !== undefined) {
    x = one.axref?.startsWith("x") ? anywhere(sheet, "x", one.axref, one.ax) : px + one.ax
    y = one.ayref?.startsWith("y") ? anywhere(sheet, "y", one.ayref, one.ay) : py + one.ay
    make(svg, "line", { x1: x, y1: y, x2: px, y2: py, stroke: one.arrowcolor ?? look.ink, "stroke-width": one.arrowwidth ?? 1 })
  }
  const across = { left: "start", center: "middle", right: "end" }[one.xanchor ?? "auto"] ?? (one.xref === "paper"
    && one.x <= 0 ? "start" : one.xref === "paper" && one.x >= 1 ? "end" : "middle")
  const down = { top: "top", middle: "middle", bottom: "bottom" }[one.yanchor] ?? "middle"
  x += { start: 3, middle: 0, end: -3 }[across]
  write(svg, one.text ?? "", x, y, { within: look.width, size: one.font?.size ?? look.size,
    colour: one.font?.color ? look.deeper(one.font.color) : look.ink, across, down })
}

// A text that is wider than the chart goes on in a new line.
function folded(text, width, size) {
  const most = Math.max(10, Math.floor(width / (size * WIDE)))
  return String(text).split("<br>").map(line => {
    let length = 0
    return line.split(" ").map(word => {
      const fits = length + letters(word) <= most || !length
      length = fits ? length + letters(word) + 1 : letters(word) + 1
      return (fits ? " " : "<br>") + word
    }).join("").slice(1)
  }).join("<br>")
}

// The figure as an <svg>, and its marks. look: ink, paper, deeper (colour -> the same for a light page), family.
export function chartSvg(figure, width, { ink, paper, deeper, family }) {
  const { layout } = figure
  const height = layout.height ?? 430
  const size = layout.font?.size ?? 13
  const look = { ink, deeper: colour => deeper[colour] ?? colour, size, layout, width, stacks: {} }
  const svg = document.createElementNS(SPACE, "svg")
  for (const [name, value] of Object.entries({ xmlns: SPACE, width, height, viewBox: `0 0 ${width} ${height}`,
    "font-family": family })) svg.setAttribute(name, value)
  if (paper) make(svg, "rect", { width, height, fill: paper })
  const titled = layout.title?.text && folded(layout.title.text, width, layout.title.font?.size ?? 16)
  const extra = titled ? (lines(titled).length - 1) * (layout.title.font?.size ?? 16) * 1.25 : 0
  const sheet = arrange(extra ? { ...figure, layout: { ...layout, margin: { ...layout.margin, t: (layout.margin?.t
    ?? 40) + extra } } } : figure, width, height)
  const marks = []
  for (const pair of sheet.pairs) drawAxes(svg, pair, look)
  for (const one of layout.shapes ?? []) if (one.layer === "below") shape(svg, sheet, one, look)
  for (const pair of sheet.pairs) for (const trace of pair.traces) if (trace.visible !== false) drawTrace(svg, pair, trace, look, marks)
  for (const one of layout.shapes ?? []) if (one.layer !== "below") shape(svg, sheet, one, look)
  for (const one of layout.annotations ?? []) note(svg, sheet, one, look)
  if (titled) write(svg, titled, sheet.margin.l > 30 && layout.title.xref === "paper" ? Math.min(sheet.margin.l, 10) : 4, 4,
    { size: layout.title.font?.size ?? 16, colour: ink, down: "top", weight: 600 })
  return { svg, marks }
}

// Draw a figure in an element, as wide as that is, and tell of the mark under the pointer.
export function drawChart(element, figure, look) {
  const tip = Object.assign(document.createElement("div"), { className: "tip", hidden: true })
  const redraw = () => {
    const width = element.clientWidth
    if (!width) return
    const { svg, marks } = chartSvg(figure, width, look())
    svg.onpointermove = event => follow(tip, svg, marks, event)
    svg.onpointerleave = () => (tip.hidden = true)
    element.replaceChildren(svg, tip)
  }
  const observer = new ResizeObserver(redraw)
  observer.observe(element)
  redraw()
  return { redraw, close: () => observer.disconnect() }
}

function follow(tip, svg, marks, event) {
  const box = svg.getBoundingClientRect()
  const [x, y] = [event.clientX - box.left, event.clientY - box.top]
  const off = ({ x: left, y: top, w, h }) => Math.hypot(Math.max(left - x, 0, x - left - w), Math.max(top - y, 0, y - top - h))
  const near = marks.map(mark => [off(mark), mark.w * mark.h, mark]).filter(([far]) => far < 10).sort((a, b) => a[0] - b[0] || a[1] - b[1])[0]
  tip.hidden = !near
  if (!near) return
  tip.textContent = near[2].text
  tip.style.left = `${Math.max(0, x + 14 + tip.offsetWidth > box.width ? x - 14 - tip.offsetWidth : x + 14)}px`
  tip.style.top = `${y + 16}px`
}
