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

// The bar of pages covers the top of the scrolled content. Styles have its height in --bar, which is 0 without a bar. Where
// it has no room for the pages, as on a phone, it says which one this is, and the button that opens them is a menu.
{
  let bar = null
  const write = () => document.documentElement.style.setProperty("--bar", `${bar?.offsetHeight ?? 0}px`)
  const size = new ResizeObserver(write)
  // The title is brand.heading's.
  const name = () => {
    const button = bar?.querySelector("[data-testid=stExpandSidebarButton]")
    const [page] = document.title.split(" \u00b7 ")
    if (!button || button.dataset.page === page) return
    button.dataset.page = page
    button.ariaLabel = `${page}, Menu`
  }
  new MutationObserver(() => {
    const header = document.querySelector("[data-testid=stHeader]")
    if (header !== bar) {
      size.disconnect()
      if (header) size.observe(header)
      bar = header
      write()
    }
    name()
  }).observe(document, { childList: true, subtree: true })
}

// The menu of a phone closes behind the page that was chosen in it; it would cover most of it.
addEventListener("click", ({ target }) => {
  if (!target.closest?.("[data-testid=stSidebarNavLink]")) return
  document.querySelector("[data-testid=stSidebarCollapseButton] button")?.click()
})
