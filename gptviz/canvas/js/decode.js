// What gptviz.canvas packs: <uint32 length of the header><JSON header><numbers, one array after another>.

export const MASKED = 1 // marks of a grid's cells
export const DROPPED = 2
export const PADDING = 3

// The header, and a function that hands out the arrays in their order.
export function unpack(bytes) {
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size)))
  let at = 4 + size
  const take = (Kind, count) => new Kind(bytes.slice(at, (at += count * Kind.BYTES_PER_ELEMENT)).buffer)
  return { header, take }
}

// A grid with the numbers, marks and labels of every panel.
export function readGrid(grid, take) {
  for (const p of grid.panels) {
    const count = p.rows * p.cols
    p.values = grid.exact ? take(Float32Array, count) : levels(take(Uint8Array, count), p, grid.levels)
    p.marks = p.marked ? take(Uint8Array, count) : null
    p.winners = p.pool > 1 ? take(Uint16Array, count) : null
    p.rowLabels = grid.labels[p.row_labels]
    p.columnLabels = grid.labels[p.column_labels]
    p.told = p.told.map(([axis, names]) => ({ axis, names: grid.labels[names] }))
    p.sideTexts = grid.labels[p.side]
    p.cellTexts = p.pool === 1 ? grid.labels[p.texts] : null
  }
  return grid
}

// Codes of one byte as numbers: 1 is the lower limit, the highest level the upper one, 0 and 255 lie outside.
function levels(codes, { low, high }, count) {
  const numbers = Float32Array.from({ length: 256 }, (_, code) => low + ((code - 1) * (high - low)) / (count - 1))
  const values = new Float32Array(codes.length)
  for (let i = 0; i < codes.length; i++) values[i] = numbers[codes[i]]
  return values
}
