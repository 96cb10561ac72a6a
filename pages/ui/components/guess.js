// A guess of the accuracy curve: five points, moved by pointer or keys; the truth is drawn over them once it is sent here.

const HEIGHT = 320
const EDGE = { top: 30, right: 18, bottom: 46, left: 34 }
const STEPS = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10, Home: -100, End: 100 }
const HINT = "Drag each point to the accuracy that you expect, or move it with the arrow keys."

const charts = kept(() => Chart, ".guess")

export default function ({ parentElement, data, setTriggerValue }) {
  const chart = charts(parentElement)
  chart.send = (percents) => setTriggerValue("sent", percents)
  chart.show(data)
}

class Chart {
  constructor(root) {
    this.root = root
    this.svg = root.querySelector("svg")
    this.button = root.querySelector(".send")
    this.button.addEventListener("click", () => this.touched && this.send([...this.points]))
    new ResizeObserver(() => this.data && this.svg.clientWidth !== this.width && this.draw()).observe(root)
  }

  show(data) {
    const given = JSON.stringify(data.guess)
    if (!this.points || given !== this.given) {
      this.points = [...(data.guess ?? data.asked.map(() => Math.floor(data.dense)))]
      this.touched = Boolean(data.guess)
    }
    const now = JSON.stringify(data)
    if (now === this.shown) return // what the visitor drags stays as it is
    Object.assign(this, { data, given, shown: now })
    this.draw()
    this.write()
  }

  write() {
    const { says, send } = this.data
    const text = says || (send ? HINT : "")
    const node = this.root.querySelector(".says")
    if (node.textContent !== text) node.textContent = text
    this.button.classList.toggle("gone", !send) // and keeps its place
    this.button.textContent = send
    this.button.setAttribute("aria-disabled", String(!this.touched))
  }

  draw() {
    const { asked, bands, truth, dense, network, send, describes } = this.data
    this.width = this.svg.clientWidth
    this.x = (sparsity) => EDGE.left + (sparsity / 100) * (this.width - EDGE.left - EDGE.right)
    this.y = (percent) => HEIGHT - EDGE.bottom - (percent / 100) * (HEIGHT - EDGE.top - EDGE.bottom)
    const focused = this.handles?.indexOf(document.activeElement) ?? -1
    const five = (values) => asked.map((sparsity, i) => [sparsity, values[i]])
    const open = send && !truth
    const guessed = open || this.data.guess

    this.svg.setAttribute("height", HEIGHT)
    this.svg.setAttribute("role", open ? "group" : "img")
    this.svg.setAttribute("aria-label", open ? "Your guess of the accuracy at five sparsities" : describes)
    this.handles = open ? asked.map((_, i) => this.handle(i)) : []
    this.line = guessed && node("polyline", { class: "mine" })
    this.svg.replaceChildren(
      ...this.frame(),
      ...(bands ? [this.area("range", five(bands.low), five(bands.high))] : []),
      ...(bands ? [this.area("half", five(bands.lower), five(bands.upper)), this.path("middle", five(bands.middle))] : []),
      this.path("dense", [[0, dense], [100, dense]]),
      ...(truth && guessed ? five(this.points).map(([s, p]) => this.path("off", [[s, p], [s, near(truth, s)]])) : []),
      ...(this.line ? [this.line] : []),
      ...(truth ? [this.path(`truth ${network}`, truth)] : []),
      this.dot("given", [0, dense], 5),
      ...(truth && guessed ? five(this.points).map((at) => this.dot("mine", at, 5)) : []),
      ...this.handles,
    )
    if (focused >= 0 && open) this.handles[focused].focus()
    this.place()
    this.root.querySelector(".key").replaceChildren(
      ...entry("dense", `dense, ${dense.toFixed(2)} %`),
      ...(guessed ? entry("mine", "your guess") : []),
      ...(truth ? entry(`truth ${network}`, `truth (${network})`) : []),
      ...(bands ? [...entry("middle", "middle guess"), ...entry("half", "middle half"), ...entry("range", "all guesses")] : []),
    )
  }

  frame() {
    const across = [0, 25, 50, 75, 100].flatMap((percent) => [
      this.path("grid", [[0, percent], [100, percent]]),
      text(percent, { x: EDGE.left - 6, y: this.y(percent) + 4, "text-anchor": "end" }),
    ])
    const along = [0, ...this.data.asked, 100].flatMap((sparsity) => [
      this.path("grid", [[sparsity, 0], [sparsity, 100]]),
      text(sparsity, { x: this.x(sparsity), y: HEIGHT - EDGE.bottom + 18, "text-anchor": "middle" }),
    ])
    const names = [
      text("Accuracy, %", { x: 0, y: 14 }),
      text("Sparsity, %", { x: this.width - EDGE.right, y: HEIGHT - 8, "text-anchor": "end" }),
    ]
    return [...across, ...along, ...names]
  }

  handle(i) {
    const handle = node("g", { role: "slider", tabindex: 0, class: "handle", "aria-valuemin": 0, "aria-valuemax": 100 })
    handle.setAttribute("aria-label", `Accuracy at ${this.data.asked[i]} % sparsity`)
    handle.setAttribute("aria-orientation", "vertical")
    handle.append(node("circle", { class: "reach", r: 15 }), node("circle", { class: "ring", r: 12 }))
    handle.append(node("circle", { class: "knob", r: 8 }), text("", { y: -16, "text-anchor": "middle" }))
    handle.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false }) // it is no scrolling
    handle.addEventListener("pointerdown", (event) => {
      handle.setPointerCapture(event.pointerId)
      handle.focus({ preventScroll: true })
      this.held = { i, by: this.y(this.points[i]) - event.clientY }
      event.preventDefault()
    })
    handle.addEventListener("pointermove", ({ clientY }) => {
      if (this.held?.i === i) this.move(i, (100 * (this.y(0) - clientY - this.held.by)) / (this.y(0) - this.y(100)))
    })
    for (const end of ["pointerup", "pointercancel"]) handle.addEventListener(end, () => (this.held = undefined))
    handle.addEventListener("keydown", (event) => {
      if (!(event.key in STEPS) || event.ctrlKey || event.altKey || event.metaKey) return
      event.preventDefault()
      this.move(i, this.points[i] + STEPS[event.key])
    })
    return handle
  }

  move(i, percent) {
    this.points[i] = Math.min(Math.max(Math.round(percent), 0), 100)
    this.touched = true
    this.button.setAttribute("aria-disabled", "false")
    this.place()
  }

  // Line and handles, where the points are now.
  place() {
    const { asked, dense } = this.data
    const at = asked.map((sparsity, i) => [sparsity, this.points[i]])
    this.line?.setAttribute("points", this.joined([[0, dense], ...at]))
    this.handles.forEach((handle, i) => {
      handle.setAttribute("transform", `translate(${this.x(asked[i])} ${this.y(this.points[i])})`)
      handle.setAttribute("aria-valuenow", this.points[i])
      handle.setAttribute("aria-valuetext", `at ${asked[i]} %: ${this.points[i]} % right`)
      handle.querySelector("text").textContent = this.points[i]
    })
  }

  joined(points) {
    return points.map(([sparsity, percent]) => `${this.x(sparsity)},${this.y(percent)}`).join(" ")
  }

  path(kind, points) {
    return node("polyline", { class: kind, points: this.joined(points) })
  }

  area(kind, low, high) {
    return node("polygon", { class: kind, points: this.joined([...low, ...high.toReversed()]) })
  }

  dot(kind, [sparsity, percent], r) {
    return node("circle", { class: `dot ${kind}`, cx: this.x(sparsity), cy: this.y(percent), r })
  }
}

function near(truth, sparsity) {
  return truth.reduce((a, b) => (Math.abs(b[0] - sparsity) < Math.abs(a[0] - sparsity) ? b : a))[1]
}

function node(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  return made
}

function text(content, attributes) {
  const made = node("text", attributes)
  made.textContent = content
  return made
}

// One entry of the key: a piece of the line or the area, and what it is.
function entry(kind, label) {
  const item = document.createElement("li")
  const sample = item.appendChild(node("svg", { width: 28, height: 12, "aria-hidden": true }))
  const area = ["half", "range"].includes(kind)
  sample.append(area ? node("rect", { class: kind, width: 28, height: 12 }) : node("polyline", { class: kind, points: "0,6 28,6" }))
  item.append(label)
  return [item]
}
