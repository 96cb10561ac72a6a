// What components that draw with plotly.js share.

const NARROW = 880 // pixels; with less, the titles of six panels beside each other have no room
const HOVERS = matchMedia("(hover: hover)").matches // without a pointer the mode bar would always cover the figure
const MODE_BAR = {
  displaylogo: false,
  displayModeBar: HOVERS ? "hover" : false,
  modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]],
  responsive: false,
}

// Plotly's own script, loaded once for all components.
function plotly(url) {
  window.plotlyLoading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script")
    script.src = url
    script.onload = resolve
    script.onerror = () => reject(new Error("plotly.js did not load"))
    document.head.append(script)
  })
  return window.plotlyLoading
}

// Values by path, such as "shapes[0].x0" or "xaxis2.domain".
function set(target, values) {
  for (const [path, value] of Object.entries(values)) {
    const keys = path.split(/[.[\]]+/).filter(Boolean)
    const last = keys.pop()
    keys.reduce((at, key) => (at[key] ??= {}), target)[last] = value
  }
}

// The theme's colour and font, for a figure below a node.
function colours(node) {
  const style = getComputedStyle(node)
  return { "font.color": style.color, "font.family": style.fontFamily }
}

// To the room that it has now; a figure that has left the page meanwhile has none, which plotly.js takes for an error.
function fit(plot) {
  if (plot.offsetParent) return Plotly.Plots.resize(plot)
}

const TAP = 500 // milliseconds

// A click on points of a figure. Of a tap plotly.js tells twice: of the touch, and of the click that follows from it.
function onClick(plot, act) {
  let last
  plot.on("plotly_click", ({ points }) => {
    const where = JSON.stringify(points.map(({ curveNumber, pointNumber }) => [curveNumber, pointNumber]))
    const again = last?.where === where && performance.now() - last.at < TAP
    last = { where, at: performance.now() }
    if (!again) act(points)
  })
}
