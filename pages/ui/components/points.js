// A figure whose points can be clicked: a click sends the point's id to Python. Its last trace, the mark, moves over it.

class Points extends Still {
  async update(data, send) {
    this.send = send
    this.mark = data.mark
    this.root.querySelector("figcaption").textContent = data.title
    await this.show(data.plotly, data.figure, (source) => {
      const { base, narrow, picks } = JSON.parse(source)
      return { ...base, narrow, picks }
    })
  }

  async draw() {
    await super.draw()
    const last = this.plot.data.length - 1
    const [x, y] = this.mark
    if (this.plot.data[last].x[0] !== x || this.plot.data[last].y[0] !== y)
      await Plotly.restyle(this.plot, { x: [[x]], y: [[y]] }, [last])
    this.plot.dataset.mark = this.mark
  }

  async redraw(narrow) {
    await super.redraw(narrow)
    if (this.listening) return
    this.listening = true
    onClick(this.plot, (points) => this.click(points))
  }

  click(points) {
    const picked = points.find(({ curveNumber }) => this.figure.picks.includes(curveNumber))
    if (picked) this.send(picked.data.ids[picked.pointNumber])
  }
}

const drawing = kept(() => Points, ".still")

export default function ({ parentElement, data, setTriggerValue }) {
  const points = drawing(parentElement)
  points.update(data, (id) => setTriggerValue("picked", id))
  return () => points.release()
}
