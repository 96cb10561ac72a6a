// A table: a click on a head sorts by it, a second click reverses the order. `data` holds its rows and
// the glossary terms below it.

export default function ({ parentElement, data, setTriggerValue }) {
  const region = parentElement.querySelector(".table")
  region.setAttribute("aria-label", data.label)
  const table = region.querySelector("table")
  parentElement.querySelector(".terms").replaceChildren(...data.terms.flatMap(([term, meaning]) => termButton(term, term, meaning)))
  // The visitor's sorting is kept when new data arrive.
  let { column, down } = region.sorted ?? {}

  function draw() {
    const head = document.createElement("thead")
    const heads = head.appendChild(document.createElement("tr"))
    heads.append(...data.columns.map(title))
    if (data.rows.some((row) => row.actions.length)) heads.firstChild.after(node("td", ""))
    const body = document.createElement("tbody")
    body.append(...sorted().map(line))
    table.replaceChildren(head, body)
  }

  function title(name, i) {
    const cell = document.createElement("th")
    cell.scope = "col"
    cell.className = kind(data.rows[0]?.cells[i])
    if (column === i) cell.setAttribute("aria-sort", down ? "descending" : "ascending")
    const button = cell.appendChild(node("button", name))
    button.type = "button"
    button.addEventListener("click", () => sort(i))
    return cell
  }

  // Numbers start with the largest, words with A.
  function sort(i) {
    down = column === i ? !down : kind(data.rows[0]?.cells[i]) === "number"
    column = i
    region.sorted = { column, down }
    draw()
    table.querySelectorAll("th button")[i].focus()
  }

  function sorted() {
    if (column === undefined) return data.rows
    const sign = down ? -1 : 1
    return data.rows.toSorted((a, b) => {
      const [x, y] = [a.cells[column].rank, b.cells[column].rank]
      return x === y ? 0 : x < y ? -sign : sign
    })
  }

  function line(row) {
    const tr = document.createElement("tr")
    tr.append(
      ...row.cells.map((cell, i) => {
        const made = node(i ? "td" : "th", cell.content)
        if (!i) made.scope = "row"
        made.className = kind(cell)
        return made
      }),
    )
    // Next to the name, where a narrow screen shows them without scrolling.
    if (row.actions.length) {
      const buttons = document.createElement("td")
      buttons.append(...row.actions.map(act(row)))
      tr.firstChild.after(buttons)
    }
    return tr
  }

  const act = (row) => (action) => {
    const button = node("button", action.label)
    button.type = "button"
    button.setAttribute("aria-label", action.about)
    button.addEventListener("click", () => setTriggerValue("acted", [action.name, row.name]))
    return button
  }

  draw()
}

const kind = (cell) => (typeof cell?.rank === "number" ? "number" : "words")

function node(tag, content) {
  const made = document.createElement(tag)
  made.textContent = content
  return made
}
