// The live panel: a slider and the figures it drives. It knows nothing of pruning: the JSON at `data.urls` holds texts
// for each stop and, for each figure, a patch for each stop (attributes of traces by index, layout values by path).
// Moving the slider applies patches in the browser; only the stop at which the visitor lets go is sent to Python.

const PLAY_EVERY = 140 // milliseconds
const SETTLE_AFTER = 120 // milliseconds; a held key sends where it ends, not every stop on the way
const KEPT = 8 // answers of the server, so that going back and forth between two profiles asks once

const panels = kept(() => Panel, ".live-panel")

export default function (component) {
  const { parentElement, data } = component
  const panel = panels(parentElement)
  panel.update(data, (name, value) => component[name === "moved" ? "setStateValue" : "setTriggerValue"](name, value))
  return () => panel.release()
}

class Panel {
  constructor(root) {
    this.root = root
    this.slider = root.querySelector("input")
    this.button = root.querySelector(".play")
    this.answers = new Map() // url -> JSON
    this.plots = [] // nodes
    this.walls = new Map() // node -> Wall
    this.shown = [] // for each plot: which figure it shows, with which options, at which stop
    this.visible = new Set() // nodes on the screen; the others follow when the slider rests
    this.moves = 0 // how often the visitor moved the slider
    this.dragging = false
    this.slider.addEventListener("input", () => this.take(() => this.request(Number(this.slider.value))))
    this.slider.addEventListener("pointerdown", () => (this.dragging = true))
    for (const end of ["pointerup", "pointercancel"]) this.slider.addEventListener(end, () => (this.dragging = false))
    this.slider.addEventListener("change", () => this.settle(Number(this.slider.value)))
    this.slider.addEventListener("keydown", (event) => this.key(event))
    this.button.addEventListener("click", () => (this.playing ? this.halt() : this.play()))
    // A figure is resized where it stands, so that no node is replaced and zoom survives.
    this.resizing = new ResizeObserver(() => this.resize())
    this.resizing.observe(root)
    const control = root.querySelector(".control")
    this.covering = new ResizeObserver(() => root.style.setProperty("--control", `${control.offsetHeight}px`))
    this.covering.observe(control)
    this.range = root.closest(".st-key-slider-range")
    this.reaching = new ResizeObserver(() => this.reach(control))
    if (this.range) for (const node of [this.range, root, control]) this.reaching.observe(node)
    this.watching = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) this.visible[isIntersecting ? "add" : "delete"](target)
      this.looked()
      if (this.stop !== undefined) this.draw()
    })
  }

  // The slider sticks within the panel, so the panel extends over the elements that follow it in its range.
  reach(control) {
    const extended = parseFloat(getComputedStyle(this.root, "::after").height) || 0
    const below = this.range.getBoundingClientRect().bottom - this.root.getBoundingClientRect().bottom + extended
    this.root.style.setProperty("--below", `${Math.max(below, 0)}px`)
    this.range.style.setProperty("--control", `${control.offsetHeight}px`)
  }

  // New data from Python: fetch what is new, and follow the stop unless the visitor is ahead.
  async update(data, send) {
    this.send = send
    this.options = data.options
    this.sheet = data.sheet
    this.moves = Math.max(this.moves, data.moves) // those before the visitor left the page and came back
    this.slider.setAttribute("aria-label", data.label)
    this.root.querySelector("[data-label]").textContent = data.label
    const asked = data.urls.join(" ")
    if (asked !== this.asked) {
      this.asked = asked
      await this.load(data, asked)
    } else if (this.content) {
      this.recolour()
      this.request(this.follow(data))
      this.later()
    }
  }

  // The stop to show, given the one that Python sent. While a finger is on the slider, or if it was moved since Python
  // last heard of it, it stays: the answer to an earlier move would take it back.
  follow({ stop, moves }) {
    const ahead = this.dragging || this.playing || moves < this.moves
    return ahead ? Math.min(this.stop ?? stop, this.content.stops.length - 1) : stop
  }

  // Words and numbers as soon as they are here; the figures follow when plotly.js does.
  async load(data, asked) {
    this.pause(false)
    this.root.setAttribute("aria-busy", "true")
    try {
      const parts = await Promise.all(data.urls.map((url) => this.ask(url)))
      if (asked !== this.asked) return // overtaken by a newer choice
      this.content = { ...parts[0], figures: parts.flatMap((part) => part.figures) }
      this.slider.max = this.content.stops.length - 1
      this.slider.disabled = this.button.disabled = false // before, they had nothing to move
      this.frame()
      this.reserve()
      this.write((this.stop = this.follow(data)))
      this.raise()
      if (!window.Plotly) await painted() // compiling it takes the browser longer than all of the above
      await Promise.all([plotly(data.plotly), this.looking])
      if (asked !== this.asked) return
      await this.draw()
      this.later()
      this.say("")
    } catch (error) {
      this.asked = undefined
      this.say(`The figures could not be loaded: ${error.message}. Reload the page to try again.`)
    } finally {
      this.root.removeAttribute("aria-busy")
    }
  }

  async ask(url) {
    if (!this.answers.has(url)) {
      const response = await fetch(url)
      if (!response.ok) throw new Error(await response.text())
      this.answers.set(url, await response.json())
      if (this.answers.size > KEPT) this.answers.delete(this.answers.keys().next().value)
    }
    return this.answers.get(url)
  }

  say(text) {
    this.root.querySelector(".failure").textContent = text
  }

  // The nodes, once for each shape of the content; the same nodes serve another profile of the same network.
  frame() {
    const { readouts, figures, marks, stops, beside } = this.content
    const body = this.root.querySelector(".body")
    body.classList.toggle("beside", beside)
    body.style.setProperty("--rest", 12 - figures[0].span)
    const last = stops.length - 1
    this.root.querySelector(".ticks").replaceChildren(...marks.map(({ stop }) => tickNode(stop / last)))
    this.root.querySelector(".marks").replaceChildren(...marks.map(({ stop, label }) => this.markNode(stop, label)))
    figures.forEach(({ figure }, i) => this.plots[i] && this.title(i, figure))
    const labels = JSON.stringify(readouts.map((r) => r.label))
    if (labels !== this.labels) this.root.querySelector(".readouts").replaceChildren(...readouts.map(readoutNode))
    this.labels = labels
    const shape = JSON.stringify(figures.map((f) => [f.figure.name, f.span]))
    if (shape === this.shape) return
    this.shape = shape
    this.root.querySelector(".figures").replaceChildren(...figures.map(figureNode))
    this.watching.disconnect()
    this.visible.clear()
    this.walls.clear()
    this.looking = new Promise((resolve) => (this.looked = resolve)) // which figures are on the screen
    this.shown = []
    this.stop = undefined
    this.plots = [...this.root.querySelectorAll(".plot")]
    this.plots.forEach((plot, i) => {
      this.title(i, figures[i].figure)
      this.watching.observe(plot)
    })
  }

  title(i, figure) {
    this.plots[i].previousElementSibling.textContent = figure.title
    if (!figure.wall) this.plots[i].style.height = `${this.layout(figure).height}px`
  }

  markNode(stop, label) {
    const node = document.createElement("button")
    node.type = "button"
    node.textContent = label
    node.addEventListener("click", () => this.go(stop))
    return node
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
    if (this.stop !== undefined) this.write(Math.min(this.stop, answers.length - 1))
  }

  // --- moving ---

  // At once, and in the next frame if it has moved on: of many moves in a frame the first and the last are drawn.
  // Whatever else draws meanwhile draws the latest stop; an earlier one would take the slider back.
  request(stop) {
    this.stop = stop
    if (this.pending) return
    this.pending = requestAnimationFrame(() => {
      this.pending = undefined
      if (this.stop !== stop) this.draw()
    })
    this.draw()
  }

  // A hand on the slider ends the sweep.
  take(move) {
    this.pause(false)
    move()
  }

  go(stop) {
    this.take(() => this.request(stop))
    this.settle(stop)
  }

  settle(stop) {
    this.dragging = false
    this.moves += 1
    clearTimeout(this.settling)
    this.settling = setTimeout(() => this.send("moved", { to: stop, moves: this.moves }), SETTLE_AFTER)
    this.later()
  }

  // The browser itself moves one stop on an arrow key; Page keys move ten.
  key(event) {
    const step = { PageUp: 10, PageDown: -10 }[event.key]
    if (!step) return
    event.preventDefault()
    this.go(Math.min(Math.max(Number(this.slider.value) + step, 0), this.content.stops.length - 1))
  }

  // A sweep over all stops; paused by the button, it goes on from there.
  play() {
    const last = this.content.stops.length - 1
    this.request(this.stop === this.paused && this.stop < last ? this.stop : 0)
    this.playing = setInterval(() => (this.stop < last ? this.request(this.stop + 1) : this.pause()), PLAY_EVERY)
    this.label("Pause")
  }

  // At the stop that is seen, even if the next one is about to be drawn.
  halt() {
    this.stop = Number(this.slider.value)
    this.pause()
  }

  pause(send = true) {
    if (!this.playing) return
    clearInterval(this.playing)
    this.playing = undefined
    this.paused = send ? this.stop : undefined
    this.label("Play")
    if (send) this.settle(this.stop)
  }

  label(action) {
    this.button.dataset.action = action
    this.button.setAttribute("aria-label", action === "Play" ? "Play from 0 to 100 %" : "Pause")
  }

  // --- drawing ---

  async draw() {
    const stop = this.stop
    this.write(stop)
    if (await this.paint((plot) => this.visible.has(plot))) this.root.dataset.drawn = stop
  }

  // Walls are drawn without plotly.js, so at once.
  raise() {
    this.plots.forEach((plot, i) => this.content.figures[i].figure.wall && this.renew(i))
  }

  // Figures out of sight are drawn when there is nothing else to do.
  later() {
    clearTimeout(this.resting)
    this.resting = setTimeout(() => this.paint(() => true), 2 * SETTLE_AFTER)
  }

  // False while plotly.js is on its way.
  async paint(wanted) {
    if (!window.Plotly) return false
    await Promise.all(this.plots.map((plot, i) => wanted(plot) && this.renew(i)))
    return true
  }

  // Bring one plot to the current figure, options and stop, with as little as that takes.
  renew(i) {
    const { figure } = this.content.figures[i]
    if (figure.wall) return this.wall(this.plots[i], figure)
    const wanted = { figure, options: this.chosen(figure).join(), narrow: this.isNarrow(), stop: this.stop }
    const before = this.shown[i]
    this.shown[i] = wanted
    if (before?.figure !== figure || before.options !== wanted.options || before.narrow !== wanted.narrow) return this.plot(i)
    if (before.stop !== wanted.stop) return this.patch(i, before.stop)
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

  wall(plot, figure) {
    const open = (image) => this.send("picked", { figure: figure.name, x: image, y: "" })
    if (!this.walls.has(plot)) this.walls.set(plot, new Wall(plot, open))
    return this.walls.get(plot).show(figure.wall, this.stop, this.sheet)
  }

  layout(figure) {
    const layout = structuredClone(figure.base.layout)
    if (this.isNarrow()) set(layout, figure.narrow)
    for (const [name, [chosen, otherwise]] of Object.entries(figure.options))
      set(layout, this.options.includes(name) ? chosen : otherwise)
    set(layout, colours(this.root))
    return layout
  }

  chosen(figure) {
    return Object.keys(figure.options).filter((name) => this.options.includes(name))
  }

  async plot(i) {
    const plot = this.plots[i]
    const { figure } = this.content.figures[i]
    const fresh = !plot.data
    const data = structuredClone(figure.base.data)
    const layout = this.layout(figure)
    apply(data, layout, patchOf(figure, this.stop))
    plot.style.height = `${layout.height}px`
    await Plotly.react(plot, data, layout, MODE_BAR)
    if (fresh) onClick(plot, (points) => this.clicked(i, points))
  }

  patch(i, before) {
    const { figure } = this.content.figures[i]
    const plot = this.plots[i]
    const patch = changed(patchOf(figure, before), patchOf(figure, this.stop))
    apply(plot.data, plot.layout, patch)
    if (Object.keys({ ...patch.data, ...patch.layout }).length) return redraw(plot, patch)
  }

  // A point of a trace over the stops moves the slider there; a point of a trace in `picks` is sent to Python.
  clicked(i, points) {
    const { name, stops_of, picks } = this.content.figures[i].figure
    for (const { curveNumber, pointNumber, x, y, data } of points) {
      if (stops_of.includes(curveNumber)) return this.go([pointNumber].flat().at(-1)) // a cell has row and column
      if (picks.includes(curveNumber)) return this.send("picked", { figure: name, x: typeof x === "number" ? data.name : x, y })
    }
  }

  // Asking a node for its width in the midst of drawing has the browser lay the page out; its observer knows it.
  isNarrow() {
    return (this.width || this.root.clientWidth) < NARROW
  }

  recolour() {
    const wanted = colours(this.root)
    const stale = this.plots.filter((plot) => plot.layout && plot.layout.font.color !== wanted["font.color"])
    stale.forEach((plot) => Plotly.relayout(plot, wanted))
    this.walls.forEach((wall) => wall.draw())
  }

  resize() {
    if (!this.content || this.root.clientWidth === 0 || this.root.clientWidth === this.width) return
    this.width = this.root.clientWidth
    this.reserve()
    this.raise()
    if (!window.Plotly) return
    this.plots.forEach(async (plot, i) => {
      if (!plot.data) return
      await this.renew(i)
      fit(plot)
    })
  }

  release() {
    this.pause(false)
    clearTimeout(this.settling)
    clearTimeout(this.resting)
    this.resizing.disconnect()
    this.covering.disconnect()
    this.reaching.disconnect()
    this.watching.disconnect()
  }
}

function longest(texts) {
  return texts.reduce((a, b) => (b.length > a.length ? b : a))
}

// Where the glossary has the term, its name is a button that opens what it means.
function readoutNode({ label, term, meaning }) {
  const node = document.createElement("div")
  node.innerHTML = "<dt></dt><dd></dd><dd class='note'></dd>"
  node.querySelector("dt").append(...(meaning ? termButton(label, term, meaning) : [label]))
  return node
}

function figureNode({ figure, span }) {
  const node = document.createElement("figure")
  node.style.setProperty("--span", span)
  node.innerHTML = "<figcaption></figcaption><div class='plot'></div>"
  node.querySelector(".plot").id = `plot-${figure.name}`
  node.classList.toggle("pickable", figure.picks.length + figure.stops_of.length > 0)
  node.classList.toggle("of-wall", Boolean(figure.wall))
  return node
}

function tickNode(share) {
  const node = document.createElement("span")
  node.style.setProperty("--at", share)
  return node
}

// What one stop changes, as a patch: attributes of traces by index, values of the layout by path.
function patchOf(figure, stop) {
  const { data = {}, layout = {} } = figure.patches[stop] ?? {}
  const covered = (rows) => rows.map((row) => row.map((at) => (at !== null && at <= stop ? 1 : null)))
  const since = Object.entries(figure.since).map(([index, rows]) => [index, { ...data[index], z: covered(rows) }])
  return { data: { ...data, ...Object.fromEntries(since) }, layout }
}

// Of the patch `after`, what the patch `before` says otherwise.
function changed(before, after) {
  const differs = (a, b) => JSON.stringify(a) !== JSON.stringify(b)
  const kept = (old, now) => Object.entries(now).filter(([key, value]) => differs(value, old?.[key]))
  return { data: Object.fromEntries(kept(before.data, after.data)), layout: Object.fromEntries(kept(before.layout, after.layout)) }
}

// Written into traces and layout.
function apply(data, layout, patch) {
  for (const [index, changes] of Object.entries(patch.data)) Object.assign(data[index], changes)
  set(layout, patch.layout)
}

// After two frames the texts are on the screen; a hidden tab has no frames and need not wait.
function painted() {
  if (document.hidden) return
  return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))
}
