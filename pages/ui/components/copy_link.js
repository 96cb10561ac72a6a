// A link to share: a field that holds it, a button that copies it and says so, and its QR code.

export default function ({ parentElement, data }) {
  const root = parentElement.querySelector(".copy-link")
  const field = root.querySelector("input")
  field.value = new URL(data.path, location.origin).href
  field.onfocus = () => field.select()
  root.querySelector("button").onclick = async () => {
    const done = await copy(field)
    root.querySelector("[role=status]").textContent = done ? "Copied" : "Not copied: press Ctrl+C"
  }
  const image = root.querySelector("img")
  image.hidden = !data.qr
  if (data.qr) image.src = `data:image/svg+xml,${encodeURIComponent(data.qr)}`
}

// Without https the browser has no clipboard for scripts, but it still copies what is selected.
async function copy(field) {
  try {
    await navigator.clipboard.writeText(field.value)
    return true
  } catch {
    field.select()
    return document.execCommand("copy")
  }
}
