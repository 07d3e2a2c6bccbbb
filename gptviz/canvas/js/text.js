// Numbers as text, and text on a canvas.

export const signed = text => text.replace(/-/g, "−")
export const digits = (value, count) => signed(String(Number(value.toPrecision(count))))
export const fixed = (value, count) => signed(value.toFixed(count))

// As much of a text as has room, with an ellipsis for the rest.
export function clip(context, text, room) {
  if (context.measureText(text).width <= room) return text
  const letters = [...text]
  let end = letters.length
  const shorter = () => letters.slice(0, end).join("") + "…"
  while (end > 1 && context.measureText(shorter()).width > room) end--
  return shorter()
}

export function put(context, text, x, y, align = "left") {
  context.textAlign = align
  context.fillText(text, x, y)
}
