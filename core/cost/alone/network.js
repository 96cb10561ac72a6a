// Runs a network on one picture: float32 between the layers, sums in double precision, zero weights left out.
// A layer is a function from feature maps, {maps, count, side}, to feature maps; fully connected ones have side 1.

const EPSILON = 1e-5 // of batch normalisation, as in torch

/** A function from pixels, a Uint8Array (side, side, channels), to logits, a Float32Array. */
function network({ layers, side, channels, mean, deviation, mirrored }, arrays) {
  const run = chain(layers, arrays, "")
  return (pixels) => {
    const x = { maps: new Float32Array(pixels.length), count: channels, side }
    pixels.forEach((pixel, i) => {
      x.maps[(i % channels) * side * side + Math.floor(i / channels)] = (pixel / 255 - mean) / deviation
    })
    const logits = run(x).maps
    if (!mirrored) return logits
    const others = run(flipped(x)).maps
    return logits.map((logit, i) => (logit + others[i]) / 2)
  }
}

function chain(layers, arrays, before) {
  const built = layers.map((layer) => KINDS[layer.kind](layer, arrays, `${before}${layer.name ?? ""}`))
  return (x) => built.reduce((maps, layer) => layer(maps), x)
}

const KINDS = { Conv: convolution, Residual: residual, Means: () => means, Flat: () => flat, Linear: linear }

/** Convolution, maximum of 2 x 2, batch normalisation or bias, ReLU. */
function convolution({ padding, pool }, arrays, name) {
  const kernel = arrays[`${name}.conv.weight`]
  const [count, inputs, size] = kernel.shape
  const rows = sparse(kernel)
  const { scales, shifts } = normalisation(arrays, name, count)
  return (x) => {
    // Maps are read and summed as one line each; what comes out between two rows is never looked at.
    const width = x.side + 2 * padding
    const side = width - size + 1
    const input = padded(x, padding, width)
    const begins = Int32Array.from({ length: inputs * size * size }, (_, i) => {
      const place = i % size ** 2
      return Math.floor(i / size ** 2) * width ** 2 + Math.floor(place / size) * width + (place % size)
    })
    const sums = new Float64Array((side - 1) * width + side)
    const out = pool ? Math.floor(side / 2) : side
    const maps = new Float32Array(count * out * out)
    for (let filter = 0, at = 0; filter < count; filter++) {
      add(rows[filter], begins, input, sums)
      for (let row = 0; row < out; row++)
        for (let column = 0; column < out; column++) {
          const value = pool ? highest(sums, 2 * (row * width + column), width) : sums[row * width + column]
          maps[at++] = Math.max(0, value * scales[filter] + shifts[filter])
        }
    }
    return { maps, count, side: out }
  }
}

/** The sums of one filter: each weight times the line of inputs that begins at its place; four at a time, for speed. */
function add({ places, weights }, begins, input, sums) {
  sums.fill(0)
  const fours = places.length - (places.length % 4)
  for (let j = 0; j < fours; j += 4) {
    const [a, b, c, d] = [weights[j], weights[j + 1], weights[j + 2], weights[j + 3]]
    const [p, q, r, s] = [begins[places[j]], begins[places[j + 1]], begins[places[j + 2]], begins[places[j + 3]]]
    for (let i = 0; i < sums.length; i++)
      sums[i] += a * input[p + i] + b * input[q + i] + c * input[r + i] + d * input[s + i]
  }
  for (let j = fours; j < places.length; j++) {
    const begin = begins[places[j]]
    for (let i = 0; i < sums.length; i++) sums[i] += weights[j] * input[begin + i]
  }
}

function highest(sums, at, width) {
  return Math.max(sums[at], sums[at + 1], sums[at + width], sums[at + width + 1])
}

function normalisation(arrays, name, count) {
  const bias = arrays[`${name}.conv.bias`]
  if (bias) return { scales: new Float64Array(count).fill(1), shifts: bias.values }
  const [mean, variance, weight, shift] = ["running_mean", "running_var", "weight", "bias"].map(
    (part) => arrays[`${name}.norm.${part}`].values,
  )
  const scales = Float64Array.from(variance, (value, i) => weight[i] / Math.sqrt(value + EPSILON))
  return { scales, shifts: scales.map((scale, i) => shift[i] - mean[i] * scale) }
}

function padded({ maps, count, side }, padding, width) {
  const all = new Float64Array(count * width * width)
  for (let row = 0; row < count * side; row++) {
    const to = Math.floor(row / side) * width ** 2 + ((row % side) + padding) * width + padding
    all.set(maps.subarray(row * side, (row + 1) * side), to)
  }
  return all
}

function residual({ layers }, arrays, name) {
  const run = chain(layers, arrays, `${name}.`)
  return (x) => {
    const change = run(x).maps
    return { ...x, maps: x.maps.map((value, i) => value + change[i]) }
  }
}

/** The means of nine overlapping square regions of each map, region after region. */
function means({ maps, count, side }) {
  const edge = side - 4
  const all = Float32Array.from({ length: 9 * count }, (_, i) => {
    const [region, map] = [Math.floor(i / count), i % count]
    let sum = 0
    for (let row = 0; row < edge; row++) {
      const at = map * side * side + (2 * Math.floor(region / 3) + row) * side + 2 * (region % 3)
      for (let column = 0; column < edge; column++) sum += maps[at + column]
    }
    return sum / edge ** 2
  })
  return { maps: all, count: all.length, side: 1 }
}

function flat({ maps }) {
  return { maps, count: maps.length, side: 1 }
}

/** A fully connected layer: with ReLU, unless it is the last, whose outputs are the classes. */
function linear({ outputs }, arrays, name) {
  const rows = sparse(arrays[`${name}.weight`])
  const bias = arrays[`${name}.bias`].values
  return ({ maps }) => {
    const sums = Float32Array.from(rows, ({ places, weights }, i) => {
      let sum = bias[i]
      for (let j = 0; j < places.length; j++) sum += weights[j] * maps[places[j]]
      return outputs === null ? sum : Math.max(0, sum)
    })
    return flat({ maps: sums })
  }
}

/** The weights of each row of a kernel that are not zero, and their places in the row. */
function sparse({ shape, values }) {
  const width = values.length / shape[0]
  return Array.from({ length: shape[0] }, (_, i) => {
    const row = values.subarray(i * width, (i + 1) * width)
    const places = Int32Array.from(row.keys()).filter((place) => row[place] !== 0)
    return { places, weights: Float32Array.from(places, (place) => row[place]) }
  })
}

function flipped(x) {
  const maps = x.maps.slice()
  for (let at = 0; at < maps.length; at += x.side) maps.subarray(at, at + x.side).reverse()
  return { ...x, maps }
}
