// Makes any picture into the network's input, by the steps of core/picture/seen.py.

const LONGEST = 280 // pixels that are kept along the longer side
const EXTREMES = [0.001, 0.999] // shares that stand for the darkest and the brightest pixel
const LEAST_CONTRAST = 10 // grey levels between them
const STANDS_OUT = [0.12, 0.25] // of the contrast, where the background is lit evenly, and where it is not
const CROWD = 3 // pixels of 3 x 3 that stand out together; fewer are noise

const NOTHING = "There is nothing on this picture. Choose one of a single thing on a plain background."
const UNREADABLE = "This file is not a picture that the browser can read. Choose a PNG, JPEG or WebP file."

/** A dropped, pasted or chosen file as a bitmap, upright. */
async function opened(file) {
  try {
    return await createImageBitmap(file)
  } catch {
    throw new Error(UNREADABLE)
  }
}

/** Anything that a canvas can draw as pixels, {width, height, rgba}: reduced, opaque on white. */
function pixels(source) {
  const scale = Math.min(1, LONGEST / Math.max(source.width, source.height))
  const [width, height] = [source.width, source.height].map((side) => Math.max(1, Math.round(side * scale)))
  const pen = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d")
  Object.assign(pen, { fillStyle: "white", imageSmoothingQuality: "high" })
  pen.fillRect(0, 0, width, height)
  pen.drawImage(source, 0, 0, width, height)
  return { width, height, rgba: pen.getImageData(0, 0, width, height).data }
}

/** Those pixels as the input of a network, a Uint8Array (side, side, channels). */
function seen(picture, side, channels) {
  if (channels > 1) return middle(picture, side)
  const { width, height } = picture
  const grey = plane(picture, ([red, green, blue]) => (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16)
  const border = grey.filter((_, i) => i < width || i >= grey.length - width || i % width === 0 || (i + 1) % width === 0)
  const [low, high] = EXTREMES.map((share) => quantile(grey, share))
  if (high - low < LEAST_CONTRAST) throw new Error(NOTHING)
  const background = quantile(border, 0.5)
  const end = background > (low + high) / 2 ? low : high
  const light = Uint8Array.from(grey, (value) => clipped(((value - background) / (end - background)) * 255))
  const spread = quantile(border.map((value) => Math.abs(value - background)), 0.5) / Math.abs(end - background)
  const threshold = 255 * Math.min(STANDS_OUT[0] + 3 * spread, STANDS_OUT[1])
  return centred(cropped({ width, height, values: light }, threshold), side)
}

/** The middle square in colours. */
function middle({ width, height, rgba }, side) {
  const edge = Math.min(width, height)
  const [left, top] = [width, height].map((length) => Math.floor((length - edge) / 2))
  const colours = [0, 1, 2].map((channel) => {
    const values = plane({ rgba }, (pixel) => pixel[channel])
    return resized(part({ width, height, values }, left, top, edge, edge), side, side).values
  })
  return Uint8Array.from({ length: 3 * side * side }, (_, i) => colours[i % 3][Math.floor(i / 3)])
}

function plane({ rgba }, value) {
  return Float64Array.from({ length: rgba.length / 4 }, (_, i) => value(rgba.subarray(4 * i, 4 * i + 3)))
}

/** As NumPy's percentile, between the two nearest values. */
function quantile(values, share) {
  const sorted = values.slice().sort()
  const at = share * (sorted.length - 1)
  const [below, above] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]]
  return below + (above - below) * (at % 1)
}

function clipped(value) {
  return Math.min(255, Math.max(0, Math.round(value)))
}

/** Without the edges that do not stand out, except for single pixels. */
function cropped(image, threshold) {
  const { width, height, values } = image
  const out = (x, y) => x >= 0 && y >= 0 && x < width && y < height && values[y * width + x] > threshold
  let [left, top, right, bottom] = [width, height, -1, -1]
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      if (!out(x, y)) continue
      let crowd = 0
      for (let near = 0; near < 9; near++) crowd += out(x - 1 + (near % 3), y - 1 + Math.floor(near / 3))
      if (crowd < CROWD) continue
      ;[left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x), Math.max(bottom, y)]
    }
  if (right < 0) throw new Error(NOTHING)
  return part(image, left, top, right - left + 1, bottom - top + 1)
}

function part({ width, values }, left, top, across, down) {
  const inside = Float64Array.from({ length: across * down }, (_, i) => {
    return values[(top + Math.floor(i / across)) * width + left + (i % across)]
  })
  return { width: across, height: down, values: inside }
}

/** The longest edge as long as the input, the object in its centre. */
function centred(image, side) {
  const longest = Math.max(image.width, image.height)
  const [width, height] = [image.width, image.height].map((length) => Math.max(1, Math.round((side * length) / longest)))
  const [left, top] = [width, height].map((length) => Math.floor((side + 1 - length) / 2))
  const small = resized(image, width, height).values
  const square = new Uint8Array(side * side)
  small.forEach((value, i) => (square[(top + Math.floor(i / width)) * side + left + (i % width)] = value))
  return square
}

/** Resized as Pillow does by Lanczos: first across, then down, whole greys after each. */
function resized({ width, height, values }, across, down) {
  const rows = line(width, across)
  const narrow = Float64Array.from({ length: across * height }, (_, i) => {
    return rows[i % across]((at) => values[Math.floor(i / across) * width + at])
  })
  const columns = line(height, down)
  const small = Float64Array.from({ length: across * down }, (_, i) => {
    return columns[Math.floor(i / across)]((at) => narrow[at * across + (i % across)])
  })
  return { width: across, height: down, values: small }
}

/** For each pixel of a resized line, a function that takes it from the old line. */
function line(before, after) {
  const scale = Math.max(1, before / after)
  return Array.from({ length: after }, (_, i) => {
    const centre = ((i + 0.5) * before) / after
    const begin = Math.max(0, Math.floor(centre - 3 * scale + 0.5))
    const end = Math.min(before, Math.floor(centre + 3 * scale + 0.5))
    const shares = Array.from({ length: end - begin }, (_, j) => lanczos((begin + j + 0.5 - centre) / scale))
    const total = shares.reduce((sum, share) => sum + share, 0)
    return (value) => clipped(shares.reduce((sum, share, j) => sum + share * value(begin + j), 0) / total)
  })
}

function lanczos(x) {
  return Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x)
}
