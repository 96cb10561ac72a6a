// Runs in the head of every page, before Streamlit's own scripts.

// Streamlit adds an entry to the history whenever the server changes the address, and two where a page is left. What the
// server completes or corrects where somebody has just arrived is no step of theirs: Back would lead to an address that is
// rewritten at once, and so nowhere. An act of the visitor is one entry; what follows from it rewrites that.
{
  const CONTROLS = "a, button, input, textarea, label, summary, canvas, .plot, [role]"
  let acted = false
  const act = ({ isTrusted, target }) => (acted ||= isTrusted && Boolean(target.closest?.(CONTROLS)))
  for (const kind of ["pointerdown", "click", "keydown"]) addEventListener(kind, act, { capture: true, passive: true })
  addEventListener("popstate", () => (acted = false))
  const push = history.pushState
  history.pushState = function (...entry) {
    if (acted) push.apply(history, entry)
    else history.replaceState(...entry)
    acted = false
  }
}

// The bar of pages lies over the top of what is scrolled. Styles know its height as --bar: nothing where there is none.
{
  let bar = null
  const write = () => document.documentElement.style.setProperty("--bar", `${bar?.offsetHeight ?? 0}px`)
  const size = new ResizeObserver(write)
  new MutationObserver(() => {
    const found = document.querySelector("[data-testid=stHeader]")
    if (found === bar) return
    size.disconnect()
    if (found) size.observe(found)
    bar = found
    write()
  }).observe(document, { childList: true, subtree: true })
}
