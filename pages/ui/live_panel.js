// The live panel: a slider and the figures it drives. It knows nothing of pruning: for each stop the JSON at `data.url`
// holds texts and, for each figure, a patch (attributes of traces by index, layout values by path). Moving the slider
// applies patches in the browser; only the stop at which the visitor lets go is sent to Python.

const panels = new WeakMap() // parentElement -> Panel; the default export runs again on every rerun

export default function (component) {
  const { parentElement, data } = component
  if (!panels.has(parentElement)) panels.set(parentElement, new Panel(parentElement.querySelector(".live-panel")))
  const panel = panels.get(parentElement)
  panel.update(data, (stop) => component.setStateValue("stop", stop))
  return () => panel.release()
}

class Panel {
  constructor(root) {
    this.root = root
    this.slider = root.querySelector("input")
    this.dragging = false
    this.slider.addEventListener("input", () => this.request(Number(this.slider.value)))
    this.slider.addEventListener("pointerdown", () => (this.dragging = true))
    this.slider.addEventListener("pointerup", () => (this.dragging = false))
    this.slider.addEventListener("change", () => this.settle(Number(this.slider.value)))
    this.slider.addEventListener("keydown", (event) => this.key(event))
    // A figure is resized where it stands, so that no node is replaced and zoom survives.
    this.observer = new ResizeObserver(() => this.resize())
    this.observer.observe(root)
  }

  // New data from Python: fetch what is new, and follow the stop unless a finger is on the slider.
  async update(data, send) {
    this.send = send
    this.slider.setAttribute("aria-label", data.label)
    this.root.querySelector("[data-label]").textContent = data.label
    if (data.url !== this.url) {
      this.url = data.url
      await this.load(data)
    } else if (!this.dragging && this.content) {
      this.recolour()
      this.request(data.stop)
    }
  }

  async load(data) {
    this.root.setAttribute("aria-busy", "true")
    try {
      const [response] = await Promise.all([fetch(data.url), plotly(data.plotly)])
      if (!response.ok) throw new Error(await response.text())
      const content = await response.json()
      if (data.url !== this.url) return // overtaken by a newer choice
      this.content = content
      this.slider.max = content.stops.length - 1
      this.stop = undefined
      this.frame(content)
      this.reserve()
      await this.draw(data.stop)
      this.say("")
    } catch (error) {
      this.url = undefined
      this.say(`The figures could not be loaded: ${error.message}. Reload the page to try again.`)
    } finally {
      this.root.removeAttribute("aria-busy")
    }
  }

  say(text) {
    this.root.querySelector(".failure").textContent = text
  }

  // The nodes, once for each shape of the content; the same nodes serve another profile of the same network.
  frame(content) {
    const readouts = this.root.querySelector(".readouts")
    const shape = JSON.stringify([content.readouts.map((r) => r.label), content.figures.map((f) => [f.figure.name, f.span])])
    if (shape === this.shape) return
    this.shape = shape
    readouts.replaceChildren(...content.readouts.map((readout) => readoutNode(readout.label)))
    this.root.querySelector(".figures").replaceChildren(...content.figures.map(figureNode))
    this.plots = [...this.root.querySelectorAll(".plot")]
  }

  // Room for the longest text of every slot, so that nothing below moves when a text gets longer.
  reserve() {
    const { answers, warnings, readouts } = this.content
    const slots = [
      [".answer", [[".answer", answers]]],
      [".warning", [[".warning", warnings]]],
      ...readouts.map(({ values, notes }, i) => {
        const node = `.readouts > div:nth-child(${i + 1})`
        return [node, [[`${node} dd`, values], [`${node} .note`, notes]]]
      }),
    ]
    for (const [box, texts] of slots) {
      const node = this.root.querySelector(box)
      node.style.minHeight = ""
      for (const [at, all] of texts) this.root.querySelector(at).textContent = longest(all)
      node.style.minHeight = `${node.getBoundingClientRect().height}px`
    }
    if (this.stop !== undefined) this.write(this.stop)
  }

  // At most one redraw a frame, always of the latest stop.
  request(stop) {
    if (stop === this.stop) return
    this.wanted = stop
    this.pending ??= requestAnimationFrame(() => {
      this.pending = undefined
      this.draw(this.wanted)
    })
  }

  async draw(stop) {
    const fresh = this.stop === undefined
    this.stop = stop
    this.write(stop)
    const { figures } = this.content
    await Promise.all(figures.map(({ figure }, i) => (fresh ? this.plot(i, figure, stop) : this.patch(i, figure, stop))))
    this.root.dataset.drawn = stop
  }

  write(stop) {
    const { stops, answers, warnings, readouts } = this.content
    if (Number(this.slider.value) !== stop) this.slider.value = stop
    this.slider.setAttribute("aria-valuetext", stops[stop])
    this.slider.style.setProperty("--filled", `${(100 * stop) / (stops.length - 1)}%`)
    this.root.querySelector("output").textContent = stops[stop]
    this.root.querySelector(".answer").textContent = answers[stop]
    this.root.querySelector(".warning").textContent = warnings[stop]
    this.root.querySelectorAll(".readouts > div").forEach((node, i) => {
      node.querySelector("dd").textContent = readouts[i].values[stop]
      node.querySelector(".note").textContent = readouts[i].notes[stop]
    })
  }

  plot(i, figure, stop) {
    const { data, layout } = structuredClone(figure.base)
    this.narrow = this.isNarrow()
    if (this.narrow) set(layout, figure.narrow)
    set(layout, this.colours())
    apply(data, layout, figure.patches[stop])
    this.plots[i].style.height = `${layout.height}px`
    return Plotly.react(this.plots[i], data, layout, { displayModeBar: false, responsive: false })
  }

  patch(i, figure, stop) {
    const patch = figure.patches[stop]
    if (!patch) return
    const plot = this.plots[i]
    apply(plot.data, plot.layout, patch)
    return Plotly.react(plot, plot.data, plot.layout)
  }

  isNarrow() {
    return this.root.clientWidth < 640
  }

  colours() {
    const style = getComputedStyle(this.root)
    return { "font.color": style.color, "font.family": style.fontFamily }
  }

  recolour() {
    if (!this.content || !window.Plotly) return
    const colours = this.colours()
    if (this.plots[0]?.layout?.font?.color === colours["font.color"]) return
    this.plots.forEach((plot) => Plotly.relayout(plot, colours))
  }

  resize() {
    if (!this.content || !window.Plotly || this.root.clientWidth === 0 || this.root.clientWidth === this.width) return
    this.width = this.root.clientWidth
    this.reserve()
    const turned = this.isNarrow() !== this.narrow
    this.content.figures.forEach(async ({ figure }, i) => {
      if (turned) await this.plot(i, figure, this.stop)
      Plotly.Plots.resize(this.plots[i])
    })
  }

  // Arrows move one stop, as the browser does by itself; Page keys ten, which it leaves to us.
  key(event) {
    const step = { PageUp: 10, PageDown: -10 }[event.key]
    if (!step) return
    event.preventDefault()
    const last = this.content.stops.length - 1
    const stop = Math.min(Math.max(Number(this.slider.value) + step, 0), last)
    this.request(stop)
    this.settle(stop)
  }

  settle(stop) {
    this.dragging = false
    clearTimeout(this.timer) // a held key sends where it ends, not every stop on the way
    this.timer = setTimeout(() => this.send(stop), 120)
  }

  release() {
    this.observer.disconnect()
  }
}

function longest(texts) {
  return texts.reduce((a, b) => (b.length > a.length ? b : a))
}

function readoutNode(label) {
  const node = document.createElement("div")
  node.innerHTML = "<dt></dt><dd></dd><dd class='note'></dd>"
  node.querySelector("dt").textContent = label
  return node
}

function figureNode({ figure, span }) {
  const node = document.createElement("figure")
  node.style.setProperty("--span", span)
  node.innerHTML = "<figcaption></figcaption><div class='plot'></div>"
  node.querySelector("figcaption").textContent = figure.title
  node.querySelector(".plot").id = `plot-${figure.name}`
  return node
}

function apply(data, layout, patch) {
  if (!patch) return
  for (const [index, changes] of Object.entries(patch.data)) Object.assign(data[index], changes)
  set(layout, patch.layout)
}

// Values by path, such as "shapes[0].x0" or "xaxis2.domain".
function set(target, values) {
  for (const [path, value] of Object.entries(values)) {
    const keys = path.split(/[.[\]]+/).filter(Boolean)
    const last = keys.pop()
    keys.reduce((at, key) => (at[key] ??= {}), target)[last] = value
  }
}

// Plotly's own script, loaded once for all panels.
function plotly(url) {
  window.plotlyLoading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script")
    script.src = url
    script.onload = resolve
    script.onerror = () => reject(new Error("plotly.js did not load"))
    document.head.append(script)
  })
  return window.plotlyLoading
}
