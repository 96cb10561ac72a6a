// The page around the network: what is drawn, chosen, dropped or pasted goes in, the answer comes out in words and bars.

const PEN = 20
const MANY = 12 // classes from which on the likeliest come first

const find = (selector) => document.querySelector(selector)
const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
const { design, classes, labels, images } = JSON.parse(find("#facts").textContent)
const pad = find("#pad")
const pen = pad.getContext("2d")

try {
  const file = bytesOf(find("#network").textContent)
  window.logits = network(design, await unpacked(file))
  await offerImages()
  listen()
  find("#images button").click()
} catch (error) {
  console.warn(error)
  find("#ask").inert = true
  refuse(DAMAGED)
}

/** Real test images, each a button. */
async function offerImages() {
  const all = await inflated(bytesOf(images))
  const size = all.length / labels.length
  labels.forEach((label, i) => {
    const image = all.subarray(i * size, (i + 1) * size)
    const canvas = document.createElement("canvas")
    show(canvas, image)
    const button = Object.assign(document.createElement("button"), { type: "button" })
    button.setAttribute("aria-label", `Test image ${i + 1}: ${classes[label]}`)
    button.append(canvas)
    button.addEventListener("click", () => {
      clear()
      button.setAttribute("aria-pressed", "true")
      answer(image, classes[label])
    })
    find("#images").append(button)
  })
  wipe()
}

function listen() {
  pad.addEventListener("pointerdown", begin)
  find("#clear").addEventListener("click", () => {
    clear()
    say("No picture", "Draw something, or choose one.", "empty")
  })
  find("#file").addEventListener("change", ({ target }) => {
    if (target.files.length) read(target.files[0])
    target.value = ""
  })
  document.addEventListener("paste", ({ clipboardData }) => clipboardData.files.length && read(clipboardData.files[0]))
  document.addEventListener("dragover", (event) => event.preventDefault())
  document.addEventListener("drop", (event) => {
    event.preventDefault()
    if (event.dataTransfer.files.length) read(event.dataTransfer.files[0])
  })
}

/** A stroke, until the finger, the pen or the button of the mouse is up. */
function begin(event) {
  if (event.button) return
  event.preventDefault()
  if (!pad.classList.contains("drawn")) clear()
  pad.classList.add("drawn")
  pad.setPointerCapture(event.pointerId)
  const move = ({ clientX, clientY }) => {
    const box = pad.getBoundingClientRect()
    pen.lineTo(((clientX - box.left) * pad.width) / box.width, ((clientY - box.top) * pad.height) / box.height)
    pen.stroke()
  }
  pen.beginPath()
  move(event)
  move(event)
  pad.addEventListener("pointermove", move)
  for (const end of ["pointerup", "pointercancel"])
    pad.addEventListener(
      end,
      () => {
        pad.removeEventListener("pointermove", move)
        look(pad)
      },
      { once: true },
    )
}

function clear() {
  pad.classList.remove("drawn")
  for (const button of document.querySelectorAll("#images button")) button.setAttribute("aria-pressed", "false")
  wipe()
}

function wipe() {
  Object.assign(pen, { fillStyle: "white", strokeStyle: "black", lineWidth: PEN, lineCap: "round", lineJoin: "round" })
  pen.fillRect(0, 0, pad.width, pad.height)
}

/** A picture file: shown on the pad, then looked at. */
async function read(file) {
  clear()
  try {
    const bitmap = await opened(file)
    const scale = Math.min(pad.width / bitmap.width, pad.height / bitmap.height)
    const [width, height] = [bitmap.width * scale, bitmap.height * scale]
    pad.classList.add("drawn")
    pen.drawImage(bitmap, (pad.width - width) / 2, (pad.height - height) / 2, width, height)
    look(bitmap)
  } catch (error) {
    refuse(error.message)
  }
}

function look(source) {
  try {
    answer(seen(pixels(source), design.side, design.channels))
  } catch (error) {
    refuse(error.message)
  }
}

/** The answer about the network's input; `truth` is known of a test image. */
function answer(image, truth) {
  const begun = performance.now()
  const shares = softmax(window.logits(image))
  const took = performance.now() - begun
  const best = shares.indexOf(Math.max(...shares))
  const verdict = truth && (truth === classes[best] ? "Right." : `Wrong: it is ${truth}.`)
  say(classes[best], `${percent(shares[best])} sure.${verdict ? ` ${verdict}` : ""}`)
  find("#time").textContent = `Answered in ${took < 1 ? "less than 1" : Math.round(took)} ms, in this browser.`
  show(find("#seen"), image)
  bars(shares, best)
}

/** In words; `state` is about what is beside them: empty, or empty and refused. */
function say(word, sentence, state = "") {
  find("#word").textContent = word
  find("#sentence").textContent = sentence
  find("#answer").className = state
  if (state) find("#bars").replaceChildren()
}

function refuse(sentence) {
  say("No answer", sentence, "empty refused")
}

/** A row for each class: its name, its bar, its probability. */
function bars(shares, best) {
  const order = [...shares.keys()]
  if (order.length > MANY) order.sort((a, b) => shares[b] - shares[a])
  const rows = order.map((i) => {
    const row = document.createElement("li")
    row.className = i === best ? "best" : ""
    const [name, track, number] = ["name", "track", "number"].map((part) => {
      return Object.assign(document.createElement("span"), { className: part })
    })
    name.textContent = classes[i]
    number.textContent = percent(shares[i])
    const bar = document.createElement("i")
    bar.style.width = `${100 * shares[i]}%`
    track.append(bar)
    row.append(name, track, number)
    return row
  })
  find("#bars").replaceChildren(...rows)
}

/** Never wholly certain, however it is rounded. */
function percent(share) {
  if (share < 0.001) return "< 0.1 %"
  return share > 0.999 ? "> 99.9 %" : `${(100 * share).toFixed(1)} %`
}

function softmax(logits) {
  const highest = Math.max(...logits)
  const powers = Array.from(logits, (logit) => Math.exp(logit - highest))
  const sum = powers.reduce((total, power) => total + power, 0)
  return powers.map((power) => power / sum)
}

/** The network's input, pixel for pixel. */
function show(canvas, image) {
  const { side, channels } = design
  Object.assign(canvas, { width: side, height: side })
  const rgba = Uint8ClampedArray.from({ length: 4 * side * side }, (_, i) => {
    const [pixel, channel] = [i >> 2, i % 4]
    return channel === 3 ? 255 : image[pixel * channels + (channels > 1 ? channel : 0)]
  })
  canvas.getContext("2d").putImageData(new ImageData(rgba, side, side), 0, 0)
}
