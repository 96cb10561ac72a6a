// One thing for each place where a component is mounted, made for its element `selector`: the default export of the
// component runs again on every rerun of the page. The kind is asked for as late as that, since classes come last.
function kept(kind, selector) {
  const all = new WeakMap() // parentElement -> an instance
  return (parent) => {
    if (!all.has(parent)) all.set(parent, new (kind())(parent.querySelector(selector)))
    return all.get(parent)
  }
}
