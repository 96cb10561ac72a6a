// A sheet to draw on: strokes of a finger, a pen or the mouse; after each stroke Python gets the picture as a PNG.

const WIDTH = 16

const sheets = kept(() => Sheet, ".drawing")

export default function ({ parentElement, setStateValue }) {
  sheets(parentElement).send = (picture) => setStateValue("drawn", picture)
}

class Sheet {
  constructor(root) {
    this.canvas = root.querySelector("canvas")
    this.pen = this.canvas.getContext("2d")
    this.strokes = []
    this.canvas.addEventListener("pointerdown", (event) => this.begin(event))
    this.canvas.addEventListener("pointermove", (event) => this.go(event))
    for (const end of ["pointerup", "pointercancel"]) this.canvas.addEventListener(end, () => this.end())
    root.querySelector("[data-do=undo]").addEventListener("click", () => this.keep(this.strokes.slice(0, -1)))
    root.querySelector("[data-do=clear]").addEventListener("click", () => this.keep([]))
    this.draw()
  }

  begin(event) {
    this.canvas.setPointerCapture(event.pointerId)
    this.strokes.push([this.place(event)])
    this.drawing = true
    this.draw()
  }

  go(event) {
    if (!this.drawing) return
    this.strokes.at(-1).push(this.place(event))
    this.draw()
  }

  end() {
    if (this.drawing) this.keep(this.strokes)
  }

  keep(strokes) {
    this.drawing = false
    this.strokes = strokes
    this.draw()
    this.send(strokes.length ? this.canvas.toDataURL("image/png") : null)
  }

  place({ clientX, clientY }) {
    const box = this.canvas.getBoundingClientRect()
    const scale = this.canvas.width / box.width
    return [(clientX - box.left) * scale, (clientY - box.top) * scale]
  }

  draw() {
    Object.assign(this.pen, { fillStyle: "white", strokeStyle: "black", lineWidth: WIDTH, lineCap: "round", lineJoin: "round" })
    this.pen.fillRect(0, 0, this.canvas.width, this.canvas.height)
    for (const [first, ...rest] of this.strokes) {
      this.pen.beginPath()
      this.pen.moveTo(...first)
      for (const point of rest.length ? rest : [first]) this.pen.lineTo(...point)
      this.pen.stroke()
    }
  }
}
