// Colours are [red, green, blue] from 0 to 255, not rounded until they are used.

export const rgb = hex => [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16))
export const packed = ([r, g, b]) => ((255 << 24) | (Math.round(b) << 16) | (Math.round(g) << 8) | Math.round(r)) >>> 0
export const mixed = (a, b, t) => a.map((x, n) => x + (b[n] - x) * t)
export const css = colour => `rgb(${colour.map(Math.round).join(",")})`

function luminance(colour) {
  const [r, g, b] = colour.map(x => (x <= 10 ? x / 3294 : ((x / 255 + 0.055) / 1.055) ** 2.4))
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

const isDark = colour => luminance(colour) < 0.18

// What is written on a colour so that it can be read.
export const legible = colour => (luminance(colour) > 0.18 ? "#000000" : "#FFFFFF")

// The colours and the typeface of the page around the node. A page that says nothing gets dark ink on white paper.
export function theme(node, context) {
  const style = getComputedStyle(node)
  const read = (name, otherwise) => {
    context.fillStyle = otherwise
    context.fillStyle = style.getPropertyValue(name).trim() || otherwise
    const colour = context.fillStyle
    return colour.startsWith("#") ? rgb(colour) : colour.match(/[\d.]+/g).slice(0, 3).map(Number)
  }
  const paper = read("--st-background-color", "#ffffff")
  const dark = isDark(paper)
  const ink = read("--st-text-color", dark ? "#eeeeee" : "#222222")
  const accent = css(read("--st-primary-color", "#0060a0"))
  const grey = share => css(mixed(ink, paper, share))
  const family = style.getPropertyValue("--st-font").trim() || "sans-serif"
  return { paper, ink: css(ink), back: css(paper), accent, grey, mode: dark ? "dark" : "light", family }
}

// Where a page gives pictures a height and draws them larger than they are laid out: that height in CSS pixels of the layout, 0 where
// it does not, and how many times larger.
export function grown(node) {
  const style = getComputedStyle(node)
  const read = (name, otherwise) => parseFloat(style.getPropertyValue(name)) || otherwise
  return { tall: read("--tall", 0), grow: read("--grow", 1) }
}

// A scale as that many colours, evenly between its stops.
export function ramp(stops, count) {
  const colours = stops.map(rgb)
  return Array.from({ length: count }, (_, n) => {
    const at = (n / (count - 1)) * (colours.length - 1)
    const k = Math.min(Math.floor(at), colours.length - 2)
    return mixed(colours[k], colours[k + 1], at - k)
  })
}
