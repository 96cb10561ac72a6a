// The link of what is on the screen: its address when it is asked for, because the page writes its state into it.

const TOUCH = matchMedia("(pointer: coarse)").matches
const MENU = ".st-key-share button"

const led = new WeakSet() // parentElements of menus; the default export runs again on every rerun

export default function ({ parentElement, data }) {
  const root = parentElement.querySelector(".share")
  const [copy, send] = root.querySelectorAll("button")
  const field = root.querySelector("input")
  const say = (text) => (root.querySelector("[role=status]").textContent = text)

  function current() {
    if (field.value !== location.href) code(root, data.code, (field.value = location.href))
    return field.value
  }

  copy.onclick = async () => say((await copied(current(), field)) ? "Copied" : "Press Ctrl+C to copy it")
  send.onclick = async () => {
    try {
      await navigator.share({ title: document.querySelector("h1")?.textContent, url: current() })
    } catch (error) {
      if (error.name !== "AbortError") say("Not shared; copy it")
    }
  }
  field.onfocus = () => field.select()
  send.hidden = !(TOUCH && navigator.share)
  current()
  // The menu is at the end of the document: the keyboard is led into it, and back to its button when it closes. Where the
  // link is what the visitor has just asked for, the window follows too.
  if (!led.has(parentElement) && (data.lead || document.activeElement?.matches(MENU))) {
    led.add(parentElement)
    copy.focus({ preventScroll: !data.lead })
  }
  return () => setTimeout(() => root.isConnected || data.lead || !led.has(parentElement) || back())
}

function back() {
  if (document.activeElement === document.body) document.querySelector(MENU)?.focus({ preventScroll: true })
}

// Browsers have a clipboard only for pages that came over https; elsewhere the selected text of the field is copied.
async function copied(link, field) {
  try {
    await navigator.clipboard.writeText(link)
    return true
  } catch {
    field.focus()
    return document.execCommand("copy")
  }
}

async function code(root, route, link) {
  const picture = root.querySelector(".code")
  const failure = root.querySelector(".failure")
  let text = "The QR code could not be loaded. Close this menu and open it again."
  try {
    const response = await fetch(`${route}?link=${encodeURIComponent(link)}`)
    text = await response.text()
    picture.hidden = !response.ok
  } catch {
    picture.hidden = true
  }
  failure.textContent = picture.hidden ? text : ""
  if (!picture.hidden) picture.src = `data:image/svg+xml,${encodeURIComponent(text)}`
}
