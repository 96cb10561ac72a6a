// A term of the glossary: a button with a label that opens what the term means.
function termButton(label, term, meaning) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "term", textContent: label })
  const note = Object.assign(document.createElement("div"), { className: "meaning", popover: "auto" })
  note.append(Object.assign(document.createElement("strong"), { textContent: term }), ` ${meaning}`)
  button.popoverTargetElement = note
  note.addEventListener("beforetoggle", () => {
    const { left, top, bottom } = button.getBoundingClientRect()
    note.style.left = `${Math.max(8, Math.min(left, innerWidth - 328))}px`
    const below = innerHeight - bottom > 180
    note.style.top = below ? `${bottom + 4}px` : "auto"
    note.style.bottom = below ? "auto" : `${innerHeight - top + 4}px`
  })
  return [button, note]
}
