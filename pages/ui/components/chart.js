// A figure without a slider, which nothing on the page moves.

const drawing = kept(() => Still, ".still")

export default function ({ parentElement, data }) {
  const still = drawing(parentElement)
  still.root.setAttribute("aria-label", data.alt)
  still.show(data.plotly, data.figure, JSON.parse, data.buttons ? {} : { displayModeBar: false })
  return () => still.release()
}
