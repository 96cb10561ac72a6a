// A figure without a slider: drawn when it is another one, or when the page is another one, as wide, or as light or dark.

class Still {
  constructor(root) {
    this.root = root
    this.plot = root.querySelector(".plot")
    this.resizing = new ResizeObserver(() => this.resize())
    this.resizing.observe(root)
  }

  // `read` makes data, layout and what is set in a narrow one of the source, which tells one figure from another.
  async show(url, source, read, options = {}) {
    if (this.source !== source) {
      this.source = source
      this.figure = read(source)
      this.options = options
      this.plot.style.height = `${this.figure.layout.height}px`
    }
    try {
      await plotly(url)
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
    const wanted = colours(this.root)
    if (this.plot.layout.font.color !== wanted["font.color"]) await Plotly.relayout(this.plot, wanted)
  }

  async redraw(narrow) {
    const { data, layout } = structuredClone(this.figure)
    if (narrow) set(layout, this.figure.narrow ?? {})
    set(layout, colours(this.root))
    this.drawn = { source: this.source, narrow }
    await Plotly.react(this.plot, data, layout, { ...MODE_BAR, ...this.options })
  }

  async resize() {
    const width = this.root.clientWidth
    if (!this.plot.data || !width || width === this.width) return
    this.width = width
    await this.draw()
    fit(this.plot)
  }

  release() {
    this.resizing.disconnect()
  }
}
