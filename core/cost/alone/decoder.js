// Reads the compact encoding, version 2. Its specification is that of core/cost/compact/decoder.py.

const DAMAGED = "The network in this page is damaged. Get the page again from where it came from."
const MAGIC = [80, 76, 65, 66, 2] // PLAB, version 2
const FRACTION = 23 // bits of a float32's fraction
const PRECISION = 2 ** 24 // of the probabilities
const WORD = 2 ** 32

/** The arrays of a file by name: {shape, values}, a Float32Array. */
async function unpacked(bytes) {
  const body = bytes.subarray(0, -4)
  const reader = new Reader(body)
  const magic = reader.take(MAGIC.length)
  if (MAGIC.some((byte, i) => byte !== magic[i]) || crc(body) !== word(bytes.subarray(-4))) throw new Error(DAMAGED)
  const head = await inflated(reader.take(reader.number()))
  const [listed] = JSON.parse(new TextDecoder().decode(head))
  const kinds = listed.flatMap(([, grid, ...shape]) => {
    const whole = { n: shape.reduce((n, side) => n * side, 1), float: !grid }
    return grid ? [whole, { n: shape.length > 1 ? shape[0] : 1, float: true }] : [whole]
  })
  const layers = decoded(reader, kinds).values()
  return Object.fromEntries(
    listed.map(([name, grid, ...shape]) => {
      const values = layers.next().value
      return [name, { shape, values: grid ? product(values, layers.next().value) : values }]
    }),
  )
}

function decoded(reader, kinds) {
  if (reader.left === 1 && reader.take(1)[0] === 255) return kinds.map(({ n, float }) => new (float ? Float32Array : Int8Array)(n))
  const tables = { all: [], last: {} }
  const plans = kinds.map(({ n, float }) => plan(reader, tables, n, float))
  const raw = new Bits(reader.take(Math.ceil(plans.reduce((sum, { k, width }) => sum + k * width, 0) / 8)))
  const coder = new Coder(reader.take(reader.left))
  const layers = plans.map((layer) => drawn(coder, raw, layer))
  if (!coder.finished) throw new Error(DAMAGED)
  return layers
}

/** What the head says of a layer: of its n weights k survive; `width` bits of each follow as they are. */
function plan(reader, tables, n, float) {
  if (!n) return { n, k: 0, width: 0, float }
  const [form] = reader.take(1)
  const k = form & 1 ? reader.number() : n
  if (k && !(form & 2)) {
    const number = reader.number()
    if (number === tables.all.length) tables.all.push(reader.table())
    tables.last[float] = tables.all[number]
  }
  const table = tables.last[float]
  const [signed, left] = [(form >> 2) & 1, form >> 3]
  return { n, k, float, signed, left, table, width: k ? table.low + (float ? signed + FRACTION - left : 0) : 0 }
}

/** A layer: float32 values, or int8. */
function drawn(coder, raw, { n, k, float, signed, left, table }) {
  const survives = k > 0 && k < n ? coder.draws(n, distribution([n - k, k])) : new Uint16Array(n).fill(k ? 1 : 0)
  if (survives.reduce((sum, bit) => sum + bit, 0) !== k) throw new Error(DAMAGED)
  const entries = k ? coder.draws(k, table.begins) : []
  const bits = float ? new Uint32Array(n) : new Uint8Array(n)
  let i = 0
  survives.forEach((bit, at) => {
    if (!bit) return
    const symbol = (((table.first + entries[i++]) << table.low) & 255) | raw.take(table.low)
    bits[at] = float ? (raw.take(signed) << 31) | (symbol << FRACTION) | (raw.take(FRACTION - left) << left) : symbol
  })
  return float ? new Float32Array(bits.buffer) : new Int8Array(bits.buffer)
}

function product(whole, scales) {
  const width = whole.length / scales.length
  return Float32Array.from(whole, (value, i) => value * scales[Math.floor(i / width)])
}

/** Where the probability of each entry begins, in 2 ** 24ths, and where the last one ends. */
function distribution(frequencies) {
  const total = frequencies.reduce((sum, frequency) => sum + frequency, 0)
  const scale = (PRECISION - frequencies.length) / total
  let sum = 0
  const begins = frequencies.map((frequency, i) => {
    const begin = Math.floor(sum * scale) + i
    sum += frequency
    return begin
  })
  return Uint32Array.of(...begins, PRECISION)
}

/** The stack coder (ANS) with words of 32 bits and a state of 64, in two halves. */
class Coder {
  constructor(stream) {
    const bytes = new Uint8Array(Math.ceil(stream.length / 4) * 4)
    bytes.set(stream)
    const view = new DataView(bytes.buffer)
    this.words = Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(4 * i, true))
    this.high = this.words.length > 1 ? this.words.pop() : 0
    this.low = this.words.pop() ?? 0
  }

  get finished() {
    return !this.high && !this.low && !this.words.length
  }

  /** The next n entries, as indices of a distribution. */
  draws(n, begins) {
    const entries = new Uint16Array(n)
    if (begins.length > 2) for (let i = 0; i < n; i++) entries[i] = this.draw(begins)
    return entries
  }

  draw(begins) {
    const quantile = this.low % PRECISION
    let [entry, above] = [0, begins.length - 1]
    while (above - entry > 1) {
      const middle = (entry + above) >> 1
      if (begins[middle] <= quantile) entry = middle
      else above = middle
    }
    // state / 2 ** 24 has 40 bits and the factor 24: the product is put together from halves that a double holds.
    const [left, factor] = [this.high * 256 + Math.floor(this.low / PRECISION), begins[entry + 1] - begins[entry]]
    const upper = Math.floor(left / 65536) * factor
    const lower = (left % 65536) * factor + quantile - begins[entry] + (upper % 65536) * 65536
    this.high = Math.floor(upper / 65536) + Math.floor(lower / WORD)
    this.low = lower % WORD
    if (!this.high && this.words.length) [this.high, this.low] = [this.low, this.words.pop()]
    return entry
  }
}

/** Numbers of some bits each, from the highest bit of each byte on. */
class Bits {
  constructor(bytes) {
    Object.assign(this, { bytes, at: 0 })
  }

  take(n) {
    let number = 0
    for (let i = 0; i < n; i++, this.at++) number = (number << 1) | ((this.bytes[this.at >> 3] >> (7 - (this.at & 7))) & 1)
    return number
  }
}

/** Bytes and how far they are read. */
class Reader {
  constructor(bytes) {
    Object.assign(this, { bytes, at: 0 })
  }

  get left() {
    return this.bytes.length - this.at
  }

  take(n) {
    if (n > this.left) throw new Error(DAMAGED)
    return this.bytes.subarray(this.at, (this.at += n))
  }

  number() {
    for (let value = 0, unit = 1; ; unit *= 128) {
      const [byte] = this.take(1)
      value += (byte % 128) * unit
      if (byte < 128) return value
    }
  }

  /** How often the upper bits of symbols occur, from `first` on; the `low` lower bits follow as they are. */
  table() {
    const [first, more, sizes] = this.take(3)
    const fine = sizes % 32
    const bits = new Bits(this.take(Math.ceil(((more + 1) * fine) / 8)))
    const frequencies = Array.from({ length: more + 1 }, () => (fine ? bits.take(fine) : 1))
    return { first, low: sizes >> 5, begins: distribution(frequencies) }
  }
}

async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

/** CRC-32, as zlib has it. */
function crc(bytes) {
  let sum = -1
  for (const byte of bytes) {
    sum ^= byte
    for (let i = 0; i < 8; i++) sum = (sum >>> 1) ^ (0xedb88320 & -(sum & 1))
  }
  return ~sum >>> 0
}

function word(bytes) {
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true)
}
