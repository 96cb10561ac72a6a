// A wall of images on one canvas. Each stands on its front while its answer is the dense network's, and on its back, which
// has a colour and a sign, while it is not. `wall` is core.figures.wall.Wall; its pictures are cut out of one sheet.

const BACKS = { "-": ["#cc79a7", "\u2212"], "+": ["#009e73", "+"], "~": ["#6b7280", "\u2260"] }
const LEAST = 18 // pixels of a tile's side; where a row has less, a class takes a further line
const MOST = 44 // larger pictures are reduced smoothly; smaller ones keep the edges of their pixels
const GAP = 2
const TURN = 220 // milliseconds
const STILL = matchMedia("(prefers-reduced-motion: reduce)")

class Wall {
  constructor(plot, open) {
    plot.classList.add("wall")
    plot.innerHTML =
      "<ul class='legend' aria-hidden='true'><li></li><li></li><li></li></ul>" +
      "<canvas tabindex='0' role='application' aria-roledescription='wall of images'></canvas>" +
      "<p class='caption' aria-live='polite'></p>"
    this.canvas = plot.querySelector("canvas")
    this.caption = plot.querySelector(".caption")
    this.legend = [...plot.querySelectorAll(".legend li")]
    Object.values(BACKS).forEach(([colour, sign], i) => {
      this.legend[i].dataset.sign = sign
      this.legend[i].style.setProperty("--colour", colour)
    })
    this.canvas.addEventListener("pointermove", (event) => this.point(this.under(event)))
    this.canvas.addEventListener("pointerleave", () => this.point(undefined))
    this.canvas.addEventListener("blur", () => this.point(undefined))
    this.canvas.addEventListener("focus", () => this.point(this.at ?? 0))
    this.canvas.addEventListener("click", (event) => this.open(this.under(event)))
    this.canvas.addEventListener("keydown", (event) => this.key(event))
    this.open = (tile) => tile !== undefined && open(String(this.wall.images[tile]))
  }

  // Where the tiles of a wall stand at a width, which depends on nothing else.
  static layout({ rows }, width) {
    const label = Math.min(96, 0.2 * width)
    const most = Math.max(...rows.map(([, count]) => count))
    const columns = Math.max(1, Math.min(most, Math.floor((width - label) / LEAST)))
    const lines = Math.ceil(most / columns) // of each class
    const across = Math.ceil(most / lines)
    const side = Math.min(MOST, Math.floor((width - label) / across))
    const tiles = rows.flatMap(([, count], row) =>
      Array.from({ length: count }, (_, i) => ({
        x: label + (i % across) * side,
        y: (row * lines + Math.floor(i / across)) * side,
      })),
    )
    return { label, lines, across, side, tiles, width, high: rows.length * lines * side }
  }

  async show(wall, stop, sheet) {
    const width = this.canvas.parentElement.clientWidth
    if (this.wall !== wall || this.layout.width !== width) this.lay(wall, width)
    if (this.sheet !== sheet) this.read((this.sheet = sheet))
    this.turn(wall.states[stop])
    this.stop = stop
    wall.counts[stop].forEach((text, i) => (this.legend[i].textContent = text))
    this.canvas.setAttribute("aria-label", `${wall.summaries[stop]} Use the arrow keys to read single images.`)
    this.say()
    this.draw()
  }

  lay(wall, width) {
    if (this.wall !== wall) this.states = this.at = undefined
    this.wall = wall
    this.layout = Wall.layout(wall, width)
    const sharp = devicePixelRatio || 1
    Object.assign(this.canvas, { width: width * sharp, height: this.layout.high * sharp })
    Object.assign(this.canvas.style, { width: `${width}px`, height: `${this.layout.high}px` })
    this.brush = this.canvas.getContext("2d")
    this.brush.setTransform(sharp, 0, 0, sharp, 0, 0)
    this.reserve()
  }

  // Room for the longest caption, so that nothing below moves when a visitor points at an image.
  reserve() {
    const { captions, classes } = this.wall
    this.caption.style.minHeight = ""
    this.caption.textContent = this.answers(longest(captions), longest(classes))
    this.caption.style.minHeight = `${this.caption.offsetHeight}px`
  }

  answers(caption, now) {
    const network = this.wall.network[0].toUpperCase() + this.wall.network.slice(1)
    return `${caption}. ${network}: ${now}.`
  }

  // Without pictures (a data set that is not on the server) the tiles are grey.
  read(url) {
    this.pictures = undefined
    const pictures = new Image()
    const { columns, images } = this.wall
    const rows = Math.ceil(images.length / columns)
    pictures.onload = () => {
      this.cell = { across: pictures.naturalWidth / columns, down: pictures.naturalHeight / rows }
      this.pictures = pictures
      this.draw()
    }
    pictures.src = url
  }

  turn(states) {
    const now = performance.now()
    this.tiles = [...states].map((state, i) => {
      const before = this.tiles?.[i]
      if (!this.states || STILL.matches) return { state, from: state, since: -TURN }
      return before?.state === state ? before : { state, from: before?.state ?? state, since: now }
    })
    this.states = states
  }

  draw() {
    this.frame ??= requestAnimationFrame((now) => {
      this.frame = undefined
      if (this.paint(now)) this.draw()
    })
  }

  // True while a tile is on its way.
  paint(now) {
    const { brush, layout, wall } = this
    const style = getComputedStyle(this.canvas)
    brush.clearRect(0, 0, layout.width, layout.high)
    brush.fillStyle = style.color
    brush.font = `${layout.width < 500 ? 11 : 13}px ${style.fontFamily}`
    brush.textAlign = "left"
    brush.textBaseline = "middle"
    wall.rows.forEach(([name], row) => {
      const y = (row + 0.5) * layout.lines * layout.side
      brush.fillText(fitting(brush, name, layout.label - 8), 0, y)
    })
    let turning = false
    this.tiles.forEach((tile, i) => {
      const part = Math.min(Math.max((now - tile.since) / TURN, 0), 1)
      turning ||= part < 1
      this.one(i, part < 0.5 ? tile.from : tile.state, part < 1 ? Math.abs(Math.cos(Math.PI * part)) : 1)
    })
    if (this.at !== undefined) this.outline(layout.tiles[this.at], style.color)
    return turning
  }

  one(i, state, open) {
    const { brush, layout } = this
    const side = layout.side - GAP
    const { x, y } = layout.tiles[i]
    brush.save()
    brush.translate(x + side / 2, y + side / 2)
    brush.scale(Math.max(open, 0.02), 1)
    const [colour, sign] = BACKS[state] ?? ["#8a8f98", ""]
    if (sign || !this.pictures) {
      brush.fillStyle = colour
      brush.fillRect(-side / 2, -side / 2, side, side)
    }
    if (this.pictures) {
      const { across, down } = this.cell
      const [column, row] = [i % this.wall.columns, Math.floor(i / this.wall.columns)]
      const [longer, room] = [Math.max(across, down), side - (sign ? 6 : 0)]
      const [width, height] = [(room * across) / longer, (room * down) / longer]
      brush.globalAlpha = sign ? 0.45 : 1
      brush.imageSmoothingEnabled = longer > MOST
      brush.imageSmoothingQuality = "high"
      brush.drawImage(
        this.pictures, column * across, row * down, across, down, -width / 2, -height / 2, width, height,
      )
      brush.globalAlpha = 1
    }
    if (sign) {
      brush.font = `bold ${Math.round(0.8 * side)}px system-ui, sans-serif`
      brush.textAlign = "center"
      brush.lineWidth = 3
      brush.strokeStyle = "rgba(0, 0, 0, 0.6)"
      brush.fillStyle = "#fff"
      brush.strokeText(sign, 0, 1)
      brush.fillText(sign, 0, 1)
    }
    brush.restore()
  }

  outline({ x, y }, colour) {
    const { brush, layout } = this
    brush.strokeStyle = colour
    brush.lineWidth = 2
    brush.strokeRect(x - 1, y - 1, layout.side, layout.side)
  }

  under({ offsetX, offsetY }) {
    const { side, tiles } = this.layout
    const found = tiles.findIndex(({ x, y }) => offsetX >= x && offsetX < x + side && offsetY >= y && offsetY < y + side)
    return found < 0 ? undefined : found
  }

  point(tile) {
    if (this.at === tile || !this.wall) return
    this.at = tile
    this.canvas.style.cursor = tile === undefined ? "" : "pointer"
    this.say()
    this.draw()
  }

  say() {
    const { wall, at, stop } = this
    const hint = "Point at an image to see its two answers; click it to open it."
    const now = at === undefined ? hint : this.answers(wall.captions[at], wall.classes[wall.answers[stop][at]])
    this.caption.textContent = now
  }

  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.layout.across, ArrowDown: this.layout.across }[event.key]
    if (event.key === "Enter" || event.key === " ") this.open(this.at)
    else if (step) this.point(Math.min(Math.max((this.at ?? 0) + step, 0), this.tiles.length - 1))
    else return
    event.preventDefault()
  }
}

// A text cut off where it is wider than that.
function fitting(brush, text, width) {
  if (brush.measureText(text).width <= width) return text
  let end = text.length
  while (end > 1 && brush.measureText(`${text.slice(0, end)}\u2026`).width > width) end -= 1
  return `${text.slice(0, end)}\u2026`
}
