// Runs in the head of every page, before Streamlit's own scripts.

// Streamlit adds a history entry whenever the server changes the address, and two when a visitor leaves a page. What the
// server completes or corrects on arrival is not a step of the visitor: Back would lead to an address that is rewritten at
// once. So each act of the visitor is one entry, and what follows from it replaces that entry.
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

// The bar of pages covers the top of the scrolled content. Styles have its height in --bar, which is 0 without a bar.
{
  let bar = null
  const write = () => document.documentElement.style.setProperty("--bar", `${bar?.offsetHeight ?? 0}px`)
  const size = new ResizeObserver(write)
  new MutationObserver(() => {
    const header = document.querySelector("[data-testid=stHeader]")
    if (header === bar) return
    size.disconnect()
    if (header) size.observe(header)
    bar = header
    write()
  }).observe(document, { childList: true, subtree: true })
}
