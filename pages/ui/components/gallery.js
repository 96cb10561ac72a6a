// A page of images. `data.cards` says what to show; their pictures are cut out of one sheet, whose places are
// `data.cell` pixels across and down.

const SIDE = 84 // CSS pixels of a picture's longer side

export default function ({ parentElement, data, setTriggerValue }) {
  const { cards, sheet, columns, cell } = data
  const rows = Math.ceil(cards.length / columns)
  const nodes = cards.map((card, i) => {
    const item = document.createElement("li")
    const button = item.appendChild(document.createElement("button"))
    button.type = "button"
    button.addEventListener("click", () => setTriggerValue("opened", card.image))
    if (sheet) button.append(picture(sheet, i % columns, Math.floor(i / columns), columns, rows, cell))
    const words = button.appendChild(document.createElement("span"))
    words.append(text("title", card.title), text("note", card.note), ...card.answers.map(answer))
    return item
  })
  parentElement.querySelector(".gallery").replaceChildren(...nodes)
}

function picture(sheet, column, row, columns, rows, cell) {
  const node = document.createElement("span")
  const times = SIDE / Math.max(...cell)
  node.className = times < 2 ? "picture smooth" : "picture"
  const [width, height] = cell.map((side) => Math.max(1, Math.round(times * side)))
  Object.assign(node.style, { width: `${width}px`, height: `${height}px` })
  node.style.backgroundImage = `url(${sheet})`
  node.style.backgroundSize = `${100 * columns}% ${100 * rows}%`
  node.style.backgroundPosition = `${share(column, columns)}% ${share(row, rows)}%`
  return node
}

// CSS positions a background by a percentage of the remaining space.
function share(i, n) {
  return n > 1 ? (100 * i) / (n - 1) : 0
}

function answer({ network, text: content, probability }) {
  const node = text("answer", content)
  const bar = node.appendChild(document.createElement("span"))
  bar.className = `bar ${network}`
  bar.style.setProperty("--share", `${100 * probability}%`)
  return node
}

function text(kind, content) {
  const node = document.createElement("span")
  node.className = kind
  node.textContent = content
  return node
}
