// A figure whose points can be clicked: a click sends the point's id to Python. The figure is drawn again only when it is
// another one; otherwise only its last trace, the mark, moves.

const TAP = 500 // milliseconds; plotly.js reports a tap twice: as the touch itself and as the click that follows from it

const drawings = new WeakMap() // parentElement -> Drawing; the default export runs again on every rerun

export default function ({ parentElement, data, setTriggerValue }) {
  if (!drawings.has(parentElement)) drawings.set(parentElement, new Drawing(parentElement.querySelector(".points")))
  const drawing = drawings.get(parentElement)
  drawing.update(data, (id) => setTriggerValue("picked", id))
  return () => drawing.release()
}

class Drawing {
  constructor(root) {
    this.root = root
    this.plot = root.querySelector(".plot")
    this.resizing = new ResizeObserver(() => this.resize())
    this.resizing.observe(root)
  }

  async update(data, send) {
    this.send = send
    this.mark = data.mark
    this.root.querySelector("figcaption").textContent = data.title
    if (this.source !== data.figure) {
      this.source = data.figure
      this.figure = JSON.parse(data.figure)
      this.plot.style.height = `${this.figure.base.layout.height}px`
    }
    try {
      await plotly(data.plotly)
      await this.draw()
      this.say("")
    } catch (error) {
      this.say(`The figure could not be drawn: ${error.message}. Reload the page to try again.`)
    }
  }

  say(text) {
    this.root.querySelector(".failure").textContent = text
  }

  async draw() {
    const narrow = this.root.clientWidth < NARROW
    if (this.drawn?.source !== this.source || this.drawn.narrow !== narrow) await this.redraw(narrow)
    const last = this.plot.data.length - 1
    const [x, y] = this.mark
    if (this.plot.data[last].x[0] !== x || this.plot.data[last].y[0] !== y)
      await Plotly.restyle(this.plot, { x: [[x]], y: [[y]] }, [last])
    const wanted = colours(this.root)
    if (this.plot.layout.font.color !== wanted["font.color"]) await Plotly.relayout(this.plot, wanted)
    this.plot.dataset.mark = this.mark
  }

  async redraw(narrow) {
    const { data, layout } = structuredClone(this.figure.base)
    if (narrow) set(layout, this.figure.narrow)
    set(layout, colours(this.root))
    this.drawn = { source: this.source, narrow }
    await Plotly.react(this.plot, data, layout, MODE_BAR)
    if (this.listening) return
    this.listening = true
    this.plot.on("plotly_click", ({ points }) => this.click(points))
  }

  click(points) {
    const picked = points.find(({ curveNumber }) => this.figure.picks.includes(curveNumber))
    if (!picked || performance.now() - this.clicked < TAP) return
    this.clicked = performance.now()
    this.send(picked.data.ids[picked.pointNumber])
  }

  async resize() {
    const width = this.root.clientWidth
    if (!this.plot.data || !width || width === this.width) return
    this.width = width
    await this.draw()
    Plotly.Plots.resize(this.plot)
  }

  release() {
    this.resizing.disconnect()
  }
}
