// What gptviz.keep.store packs: one text with everything that is read, and the arrays it speaks of, each number once.

const TYPES = { f4: Float32Array, f8: Float64Array, i4: Int32Array, i2: Int16Array, u2: Uint16Array, u1: Uint8Array }

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%:()*+-;.=,?@^_`{|}~"

// From base85: five digits are four bytes, and what is missing at the end counts as the last digit.
function bytesOf(encoded) {
  const value = new Uint8Array(128)
  for (let n = 0; n < 85; n++) value[DIGITS.charCodeAt(n)] = n
  const bytes = new Uint8Array(Math.floor(encoded.length * 4 / 5))
  for (let at = 0, to = 0; at < encoded.length; at += 5) {
    let word = 0
    for (let n = 0; n < 5; n++) word = word * 85 + (at + n < encoded.length ? value[encoded.charCodeAt(at + n)] : 84)
    for (let n = 24; n >= 0 && to < bytes.length; n -= 8) bytes[to++] = Math.floor(word / 2 ** n) & 255
  }
  return bytes
}

// From base85 and deflate to { text, array(n) }.
export async function unpackStore(encoded) {
  const packed = bytesOf(encoded.trim())
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"))
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer())
  const size = new DataView(bytes.buffer).getUint32(0, true)
  const content = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size)))
  for (const { header } of content.pictures) if (header?.panels) header.panels = header.panels.map(one => ({ ...content.usual, ...one }))
  let at = 4 + size
  const places = content.arrays.map(([type, count]) => {
    const from = at
    at += count * TYPES[type].BYTES_PER_ELEMENT
    return [type, count, from]
  })
  return { content, array: n => whole(bytes, ...places[n]) }
}

// An array from its planes: first the first bytes of all numbers, then the second ones, and so on.
function whole(bytes, type, count, from) {
  const wide = TYPES[type].BYTES_PER_ELEMENT
  const joined = new Uint8Array(count * wide)
  for (let plane = 0; plane < wide; plane++) for (let n = 0; n < count; n++) joined[n * wide + plane] = bytes[from + plane * count + n]
  return new TYPES[type](joined.buffer)
}

// A picture of cells as the bytes that the canvas draws.
export function pictureBytes(store, picture) {
  const header = new TextEncoder().encode(JSON.stringify({ ...picture.header, ...store.content.shared }))
  const arrays = picture.arrays.map(n => new Uint8Array(store.array(n).buffer))
  const bytes = new Uint8Array(4 + header.length + arrays.reduce((sum, one) => sum + one.length, 0))
  new DataView(bytes.buffer).setUint32(0, header.length, true)
  bytes.set(header, 4)
  let at = 4 + header.length
  for (const one of arrays) (bytes.set(one, at), (at += one.length))
  return bytes
}

// What was written about one number: sentence, formula, numbers, code, and how far the recomputation is from it. null: nothing was.
// shown: that number, which the computation ends in.
export function account(store, point, index, shown) {
  const kept = store.content.accounts[point]
  const run = kept?.runs[index.slice(0, -1).join()]?.find(([, first, count]) => index.at(-1) >= first && index.at(-1) < first + count)
  if (!run) return null
  const entry = run[0] + index.at(-1) - run[1]
  const kinds = store.array(kept.kinds)
  const kind = kinds[entry]
  let nth = 0
  for (let n = 0; n < entry; n++) nth += kinds[n] === kind
  const { parts, slots } = kept.templates[kind]
  let text = parts[0]
  slots.forEach(([mantissas, places], n) => {
    text += decimal(store.array(mantissas)[nth], store.array(places)[nth]) + parts[n + 1]
  })
  text = text.replace("\u0003", Number(shown?.toPrecision(4)))
  const [sentence, formula, numbers, code] = text.split("\u0002")
  return { sentence, formula, numbers, code, off: store.array(kept.off)[entry] }
}

// A number as it was written: its digits, how many of them come after the point, and whether it stood in brackets.
export function decimal(mantissa, place) {
  const after = place & 63
  const digits = String(Math.abs(mantissa)).padStart(after + 1, "0")
  const sign = mantissa < 0 || place & 128 ? "-" : ""
  const text = sign + (after ? `${digits.slice(0, -after)}.${digits.slice(-after)}` : digits)
  return place & 64 ? `(${text})` : text
}
