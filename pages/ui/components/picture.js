// The live panel as a picture: its texts and figures are laid out by the browser on a sheet of the panel's width, and
// drawn on a canvas from there. So the picture is as light or dark, and as wide or narrow, as the page.

const FINER = 2 // pixels of the picture for each of the page
const REST = 400 // milliseconds after which the panel has begun to draw the figures out of sight (live_panel.js)
const LONGEST = 10_000 // milliseconds that they may take

export default function ({ parentElement, data }) {
  const button = parentElement.querySelector("button")
  const say = (text) => (parentElement.querySelector("[role=status]").textContent = text)
  button.onclick = async () => {
    if (button.ariaDisabled === "true") return
    button.ariaDisabled = "true"
    say("Drawing the picture\u2026")
    try {
      save(await taken(document.querySelector(".live-panel"), data))
      say("Downloaded")
    } catch (error) {
      say(`The picture could not be drawn: ${error.message}. Try again, or download the view as HTML.`)
    }
    button.ariaDisabled = "false"
  }
}

function save(blob) {
  const view = new URLSearchParams(location.search)
  const link = document.createElement("a")
  link.href = URL.createObjectURL(blob)
  link.download = `prunelab-${view.get("run")}-${view.get("sparsity")}.png`
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}

async function taken(panel, { title, about }) {
  panel?.querySelector(".play[data-action=Pause]")?.click()
  const plots = await drawn(panel)
  const pictures = []
  for (const plot of plots) pictures.push(await loaded(wallOf(plot)?.toDataURL() ?? (await Plotly.toImage(plot, sizeOf(plot)))))
  const sheet = laidOut(panel, title, about)
  try {
    return await blobOf(painted(sheet, pictures))
  } finally {
    sheet.remove()
  }
}

const wallOf = (plot) => plot.querySelector(".live-panel .wall canvas")

const sizeOf = ({ clientWidth, clientHeight }) => ({ format: "png", width: clientWidth, height: clientHeight, scale: FINER })

async function drawn(panel) {
  const until = performance.now() + LONGEST
  await wait(REST)
  for (;;) {
    const plots = [...(panel?.querySelectorAll(".plot") ?? [])]
    if (plots.length && plots.every((plot) => plot.data || wallOf(plot))) return plots
    if (performance.now() > until) throw new Error("its figures are not there yet")
    await wait(100)
  }
}

const wait = (time) => new Promise((resolve) => setTimeout(resolve, time))

async function loaded(url) {
  const picture = new Image()
  picture.src = url
  await picture.decode()
  return picture
}

// The sheet is beside the panel, out of sight and out of the flow of the page, and has the panel's own styles.
function laidOut(panel, title, about) {
  const sheet = node("div", "")
  sheet.className = "live-panel sheet"
  sheet.setAttribute("aria-hidden", "true")
  sheet.style.width = `${panel.clientWidth}px`
  const stop = `${panel.querySelector("[data-label]").textContent} ${panel.querySelector("output").textContent}`
  const figures = panel.querySelector(".figures").cloneNode(false)
  for (const figure of panel.querySelectorAll("figure")) {
    const copy = figures.appendChild(figure.cloneNode(false))
    const place = node("div", "")
    place.className = "place"
    const plot = figure.querySelector(".plot")
    place.style.height = `${(wallOf(plot) ?? plot).clientHeight}px`
    const legend = [...plot.querySelectorAll(".wall .legend li")].map((line) => line.textContent).join(", ")
    copy.append(node("figcaption", figure.querySelector("figcaption").textContent), node("p", legend), place)
  }
  const body = panel.querySelector(".body").cloneNode(false)
  body.append(bare(panel.querySelector(".readouts")), figures)
  const texts = [".answer", ".warning"].map((name) => bare(panel.querySelector(name)))
  const [head, line, at, link] = [node("h1", title), node("p", about), node("p", stop), node("p", location.href)]
  sheet.append(head, line, at, ...texts, body, link)
  panel.parentElement.append(sheet)
  return sheet
}

// A copy without what the panel keeps for later: room for longer texts, and meanings of terms.
function bare(part) {
  const copy = part.cloneNode(true)
  for (const meaning of copy.querySelectorAll(".meaning")) meaning.remove()
  for (const each of [copy, ...copy.querySelectorAll("[style]")]) each.style.minHeight = "0"
  return copy
}

function node(tag, text) {
  return Object.assign(document.createElement(tag), { textContent: text })
}

function painted(sheet, pictures) {
  const { left, top, width, height } = sheet.getBoundingClientRect()
  const canvas = Object.assign(document.createElement("canvas"), { width: width * FINER, height: height * FINER })
  const pen = canvas.getContext("2d")
  pen.scale(FINER, FINER)
  pen.fillStyle = getComputedStyle(sheet).backgroundColor
  pen.fillRect(0, 0, width, height)
  pen.translate(-left, -top)
  sheet.querySelectorAll(".place").forEach((place, i) => {
    const box = place.getBoundingClientRect()
    pen.drawImage(pictures[i], box.left, box.top, box.width, box.height)
  })
  const texts = document.createTreeWalker(sheet, NodeFilter.SHOW_TEXT)
  while (texts.nextNode()) write(pen, texts.currentNode)
  return canvas
}

function write(pen, text) {
  const { fontStyle, fontWeight, fontSize, fontFamily, color } = getComputedStyle(text.parentElement)
  pen.font = `${fontStyle} ${fontWeight} ${fontSize} ${fontFamily}`
  pen.fillStyle = color
  for (const { x, y, content } of lines(text)) pen.fillText(content, x, y + pen.measureText(content).fontBoundingBoxAscent)
}

// The lines into which the browser has broken a text.
function lines(text) {
  const found = []
  const range = document.createRange()
  for (let i = 0; i < text.length; i++) {
    range.setStart(text, i)
    range.setEnd(text, i + 1)
    const [box] = range.getClientRects()
    if (!box) continue
    const last = found.at(-1)
    if (last && Math.abs(last.y - box.top) < 1) Object.assign(last, { x: Math.min(last.x, box.left), content: last.content + text.data[i] })
    else found.push({ x: box.left, y: box.top, content: text.data[i] })
  }
  return found
}

async function blobOf(canvas) {
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"))
  if (!blob) throw new Error("this browser has no room for it")
  return blob
}
