// The arithmetic of gptviz.hooks.Dropout, in float32.

export const FELL = 1 // fates of a number; 0 is kept
export const LATER = 2 // a key the query must not read: there is nothing to drop

// What becomes of every number at the rate p: fate, after, what survivors are multiplied by, and what is counted of every row.
export function compute(view) {
  const { picture, p } = view
  const { values, noise, rows, cols, on, weights, first } = picture
  const rest = on ? Math.fround(1 - p) : 1
  view.scale = 1 / rest
  view.fate = new Uint8Array(values.length)
  view.after = values.map((x, i) => {
    if (weights && i % cols > first + Math.floor(i / cols)) view.fate[i] = LATER
    else if (on && noise[i] < Math.fround(p)) view.fate[i] = FELL
    return view.fate[i] ? 0 : x / rest
  })
  view.lines = Array.from({ length: rows }, (_, r) => measure(view, r * cols, (r + 1) * cols))
}

// Of one row: how many numbers fell, of how many, and its sum (weights) or spread, before and after.
function measure({ picture, fate, after }, from, to) {
  const size = row => {
    const mean = row.reduce((sum, one) => sum + one, 0) / picture.cols
    return picture.weights ? mean * picture.cols : Math.sqrt(row.reduce((sum, one) => sum + (one - mean) ** 2, 0) / picture.cols)
  }
  const fates = fate.subarray(from, to)
  const count = fates.filter(one => one !== LATER).length
  const zeros = fates.filter(one => one === FELL).length
  return { zeros, count, before: size(picture.values.subarray(from, to)), after: size(after.subarray(from, to)) }
}
