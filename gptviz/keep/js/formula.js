// The LaTeX that gptviz writes, as MathML, which browsers lay out themselves.

const MATH = "http://www.w3.org/1998/Math/MathML"
const SIGNS = {
  cdot: "⋅", cdots: "⋯", dots: "…", times: "×", le: "≤", ge: "≥", infty: "∞", in: "∈", mid: "∣", odot: "⊙", leftarrow: "←", to: "→",
    approx: "≈", pm: "±", neq: "≠", sum: "∑", prime: "′"
}
const LETTERS = {
  mu: "μ", sigma: "σ", epsilon: "ϵ", varepsilon: "ε", gamma: "γ", beta: "β", pi: "π", Delta: "Δ", alpha: "α", lambda: "λ", theta: "θ",
    tau: "τ", delta: "δ", eta: "η", rho: "ρ", phi: "ϕ", partial: "∂", ell: "ℓ"
}
const NAMES = ["tanh", "max", "min", "arg", "log", "exp", "ln", "sin", "cos", "Pr"]
const SPACES = { ",": 0.17, ":": 0.22, ";": 0.28, " ": 0.25, "!": -0.17, quad: 1, qquad: 2 }
const SIZED = /^(?:big|Big|bigg|Bigg)[lr]?$/
const IGNORED = ["left", "right", "allowbreak", "nobreak", "displaystyle", "limits"]

function make(tag, ...inside) {
  const node = document.createElementNS(MATH, tag)
  node.append(...inside)
  return node
}

const marked = (node, attributes) => (Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value)), node)

// Commands, braces, numbers, single letters and signs.
const cut = text => text.match(/\\[a-zA-Z]+|\\[\s\S]|\d+(?:\.\d+)?|\s+|[\s\S]/gu) ?? []

export function formula(latex, display = true) {
  const reader = { parts: cut(latex), at: 0 }
  const node = make("math", row(reader, () => reader.at >= reader.parts.length))
  return display ? marked(node, { display: "block" }) : node
}

// Everything up to an end, as one row.
function row(reader, ends) {
  const found = []
  while (reader.at < reader.parts.length && !ends(reader.parts[reader.at])) {
    const one = scripts(reader, found)
    if (one) found.push(one)
  }
  return make("mrow", ...found)
}

// One thing, with what stands above and below it.
function scripts(reader, before) {
  const part = reader.parts[reader.at]
  if (/^\s+$/.test(part)) return void reader.at++
  if (part === "^" || part === "_") {
    const base = before.pop() ?? make("mrow")
    return attach(reader, base)
  }
  if (part === "'") {
    reader.at++
    const base = before.pop() ?? make("mrow")
    return attach(reader, make("msup", base, make("mo", "′")))
  }
  return one(reader)
}

function attach(reader, base) {
  let [above, below] = [null, null]
  while (["^", "_"].includes(reader.parts[reader.at])) {
    const up = reader.parts[reader.at++] === "^"
    const script = argument(reader)
    if (up) above = script
    else below = script
  }
  if (!above && !below) return base
  const over = base.textContent === "∑" || ["max", "min"].includes(base.textContent) || base.localName === "munder"
  if (above && below) return make(over ? "munderover" : "msubsup", base, below, above)
  return above ? make(over ? "mover" : "msup", base, above) : make(over ? "munder" : "msub", base, below)
}

// What a command takes: a group in braces, or the next thing.
function argument(reader) {
  while (/^\s+$/.test(reader.parts[reader.at] ?? "")) reader.at++
  return reader.parts[reader.at] === "{" ? group(reader) : one(reader)
}

function group(reader) {
  reader.at++
  const inside = row(reader, part => part === "}")
  reader.at++
  return inside
}

// The text between braces, as it is written.
function words(reader) {
  let [depth, text] = [0, ""]
  for (;;) {
    const part = reader.parts[reader.at++]
    if (part === undefined) return text
    if (part === "{" && !depth++) continue
    if (part === "}" && !--depth) return text
    text += { "\\_": "_", "\\%": "%", "\\&": "&", "\\#": "#", "\\$": "$", "\\{": "{", "\\}": "}", "{": "", "}": "" }[part] ?? part
  }
}

function one(reader) {
  const part = reader.parts[reader.at++]
  if (part === "{") return reader.at--, group(reader)
  if (part.startsWith("\\")) return command(reader, part.slice(1))
  if (/^\d/.test(part)) return make("mn", whole(reader, part))
  if (/^\p{L}$/u.test(part)) return make("mi", part)
  const sign = make("mo", part === "-" ? "−" : part === "*" ? "∗" : part)
  return "()[]|/".includes(part) ? marked(sign, { stretchy: "false" }) : sign
}

// A number goes on after {,}, which groups its digits.
function whole(reader, digits) {
  const { parts } = reader
  while (parts[reader.at] === "{" && parts[reader.at + 1] === "," && parts[reader.at + 2] === "}") {
    digits += `,${parts[reader.at + 3]}`
    reader.at += 4
  }
  return digits
}

function command(reader, name) {
  if (name in SIGNS) return make("mo", SIGNS[name])
  if (name in LETTERS) return make("mi", LETTERS[name])
  if (name in SPACES) return marked(make("mspace"), { width: `${SPACES[name]}em` })
  if (NAMES.includes(name)) return marked(make("mi", name), { mathvariant: "normal" })
  if (IGNORED.includes(name)) return make("mrow")
  if (SIZED.test(name)) return marked(make("mo", reader.parts[reader.at++]), { stretchy: "false", symmetric: "true",
    minsize: /^B/.test(name) ? "1.6em" : "1.2em" })
  if (["frac", "dfrac", "tfrac"].includes(name)) return make("mfrac", argument(reader), argument(reader))
  if (name === "sqrt") return make("msqrt", argument(reader))
  if (["text", "mathrm", "textbf", "operatorname"].includes(name)) return make("mtext", words(reader).replace(/^ | $/g, "\u00a0"))
  if (["mathbf", "mathcal"].includes(name)) return argument(reader)
  if (name === "tilde" || name === "hat" || name === "bar") return make("mover", argument(reader), make("mo", { tilde: "~", hat: "^",
    bar: "‾" }[name]))
  if (name === "underbrace") {
    const base = argument(reader)
    const braced = make("munder", base, make("mo", "⏟"))
    return braced
  }
  if (name === "underset") {
    const below = argument(reader)
    return make("munder", argument(reader), below)
  }
  if (name === "begin") return table(reader, words(reader))
  return make("mo", name)
}

// cases, and tables of cells in brackets.
function table(reader, kind) {
  const rows = [[]]
  const ends = part => part === "&" || part === "\\\\" || part === "\\end"
  for (;;) {
    rows.at(-1).push(make("mtd", row(reader, ends)))
    const part = reader.parts[reader.at++]
    if (part === "\\\\") rows.push([])
    else if (part !== "&") break
  }
  words(reader)
  const cells = marked(make("mtable", ...rows.map(cells => make("mtr", ...cells))), { columnalign: "left" })
  return kind === "cases" ? make("mrow", make("mo", "{"), cells) : make("mrow", make("mo", "("), cells, make("mo", ")"))
}
