// Draws what a stop changes in a figure, and nothing else. Plotly.react also draws axes, titles and margins again, which
// takes most of its time; here plotly's own modules compute and draw the traces, and Plotly.relayout what stands on them.
// `_fullData`, `_fullLayout` and `calcdata` are inner names of the plotly.js that we ship: a test compares each figure
// with Plotly.react's at every stop. Nodes keep their style, which no stop changes; pictures of heat maps and error bars
// are new nodes, so these are styled again, which takes a third of the time of drawing.

const PLAIN = ["x", "y", "z", "base", "text", "textposition", "customdata", "meta", "error_y"]

// `data` and `layout` of `plot` have changed as a patch says. Resolves when the figure shows it.
function redraw(plot, patch) {
  if (!retraced(plot, patch.data)) return Plotly.react(plot, plot.data, plot.layout)
  const edits = edited(plot.layout, patch.layout)
  if (Object.keys(edits).length) return Plotly.relayout(plot, edits)
}

// False where more than traces would be drawn: axes that find their range, traces that come or go or change their length.
function retraced(plot, changes) {
  const { _fullData: traces, _fullLayout: layout, calcdata } = plot
  const subplots = layout._subplots.cartesian.map((id) => layout._plots[id])
  if (subplots.some(({ xaxis, yaxis }) => xaxis.autorange || yaxis.autorange)) return false
  if (!Object.entries(changes).every(([i, change]) => isPlain(traces[i], change))) return false
  for (const [i, { error_y, ...change }] of Object.entries(changes)) {
    Object.assign(traces[i], change)
    Object.assign(traces[i].error_y ?? {}, error_y)
  }
  traces.forEach((trace, i) => {
    if (trace.visible !== true) return
    const [first, ...rest] = trace._module.calc(plot, trace)
    calcdata[i] = [{ ...calcdata[i][0], t: {}, ...first }, ...rest] // the first point holds the trace and its legend
  })
  const modules = layout._visibleModules
  for (const module of modules) for (const subplot of subplots) module.crossTraceCalc?.(plot, subplot)
  traces.forEach(({ error_y }, i) => error_y?.visible && bars(calcdata[i], error_y))
  for (const kind of layout._basePlotModules) kind.plot(plot)
  const fresh = traces.filter((trace) => trace.type === "heatmap" || trace.error_y?.visible)
  for (const style of new Set(fresh.map((trace) => trace._module.style))) style(plot)
  return true
}

function bars(points, { array, arrayminus }) {
  points.forEach((point, k) => Object.assign(point, { ys: point.y - arrayminus[k], yh: point.y + array[k] }))
}

function isPlain(trace, change) {
  const fits = (name) => !(name in change) || change[name].length === trace._length
  const empty = change.z && !change.z.flat().some((value) => value !== null)
  const plain = Object.keys(change).every((name) => PLAIN.includes(name))
  return trace.visible === true && plain && fits("x") && fits("y") && !empty
}

// A shape or an annotation is drawn again, as `layout` now has it, when any of its attributes is set; its opacity takes
// the least. All of them, so that they keep their order.
function edited(layout, values) {
  const edits = {}
  for (const [path, value] of Object.entries(values)) {
    const [items] = path.match(/^(shapes|annotations)(?=\[)/) ?? []
    if (!items) edits[path] = value
    else layout[items].forEach(({ opacity }, i) => (edits[`${items}[${i}].opacity`] = opacity ?? 1))
  }
  return edits
}
