// A tour: the card stands beside a part of the page, and the part has a ring; the page itself stays in use. The browser
// remembers that a tour was taken or skipped, and then the button no longer asks.

const TAKEN = "prunelab-tour"
const APART = 12 // pixels between the part, the card and the edges of the window

const tours = kept(() => Tour, ".tour")

export default function ({ parentElement, data }) {
  const tour = tours(parentElement)
  tour.steps = data.steps
  return () => tour.end()
}

class Tour {
  constructor(root) {
    this.root = root
    this.begin = root.querySelector(".begin")
    this.ring = root.querySelector(".ring")
    this.card = root.querySelector(".card")
    this.way = Object.fromEntries([...this.card.querySelectorAll("button")].map((button) => [button.dataset.do, button]))
    this.begin.addEventListener("click", () => this.start())
    this.way.skip.addEventListener("click", () => this.leave())
    this.way.back.addEventListener("click", () => this.go(this.at - 1))
    this.way.next.addEventListener("click", () => this.go(this.at + 1))
    this.card.addEventListener("keydown", ({ key }) => {
      if (key === "ArrowRight") this.go(this.at + 1)
      if (key === "ArrowLeft" && this.at > 0) this.go(this.at - 1)
    })
    this.onKey = ({ key }) => key === "Escape" && this.leave()
    this.mark()
  }

  mark() {
    this.root.classList.toggle("taken", remembered())
  }

  start() {
    for (const node of [this.ring, this.card]) node.showPopover()
    document.addEventListener("keydown", this.onKey)
    this.go(0)
    this.way.next.focus({ preventScroll: true })
    this.follow()
  }

  go(at) {
    if (at >= this.steps.length) return this.leave()
    this.at = at
    const last = at === this.steps.length - 1
    this.card.querySelector("h2").textContent = `Step ${at + 1} of ${this.steps.length}`
    this.card.querySelector("p").textContent = this.steps[at].text
    if (at === 0 && document.activeElement === this.way.back) this.way.next.focus({ preventScroll: true })
    this.way.back.hidden = at === 0
    this.way.skip.hidden = last
    this.way.next.textContent = last ? "Done" : "Next"
    const target = this.target()
    const beside = this.card.offsetHeight + 2 * APART
    const centred = target && target.offsetHeight + 2 * beside < innerHeight - bar()
    target?.scrollIntoView({ block: centred ? "center" : "start", behavior: "instant" })
  }

  target() {
    return [...document.querySelectorAll(this.steps[this.at].target)].find((node) => node.offsetParent)
  }

  // The part may move while the page is scrolled, or because its content changes.
  follow() {
    this.place()
    this.frame = requestAnimationFrame(() => this.follow())
  }

  place() {
    const target = this.target()
    this.ring.hidden = !target
    const { card } = this
    const [width, height] = [card.offsetWidth, card.offsetHeight]
    const part = target?.getBoundingClientRect() ?? new DOMRect((innerWidth - width) / 2, innerHeight / 3, width, 0)
    move(this.ring, { left: part.left - 4, top: part.top - 4, width: part.width + 8, height: part.height + 8 })
    const [lowest, above] = [Math.floor(innerHeight - height), part.top - height - APART]
    const below = Math.max(Math.min(part.bottom + APART, lowest), bar())
    const top = part.bottom <= lowest ? below : above >= bar() ? above : lowest - APART
    move(card, { left: Math.max(APART, Math.min(part.left, innerWidth - width - APART)), top })
  }

  leave() {
    const held = this.card.contains(document.activeElement)
    this.end()
    try {
      localStorage.setItem(TAKEN, "yes")
    } catch {
      // A browser that keeps nothing asks again on the next visit.
    }
    this.mark()
    if (held) this.begin.focus({ preventScroll: true })
  }

  end() {
    cancelAnimationFrame(this.frame)
    document.removeEventListener("keydown", this.onKey)
    for (const node of [this.ring, this.card]) if (node.matches(":popover-open")) node.hidePopover()
  }
}

function remembered() {
  try {
    return localStorage.getItem(TAKEN) !== null
  } catch {
    return false
  }
}

// The height of the bar of pages (frame.js).
function bar() {
  return parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--bar")) || 0
}

function move({ style }, at) {
  for (const [name, value] of Object.entries(at)) style[name] = `${Math.round(value)}px`
}
