/**
 * The page's only script, as text, because it runs in the reader's browser: shows the step and the values
 * nearest to the pointer. It reads `data-chart` and writes text, never markup.
 */
export const pageScript = `
const nearest = (sorted, value) => {
  let low = 0, high = sorted.length - 1
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (sorted[middle] < value) low = middle
    else high = middle
  }
  return value - sorted[low] < sorted[high] - value ? low : high
}
for (const figure of document.querySelectorAll('[data-chart]')) {
  const { x: [low, high], curves } = JSON.parse(figure.dataset.chart)
  const plot = figure.querySelector('.plot')
  const cursor = figure.querySelector('.cursor')
  const output = figure.querySelector('output')
  const longest = curves.reduce((a, b) => (b.x.length > a.x.length ? b : a)).x
  const show = (event) => {
    const box = plot.querySelector('svg').getBoundingClientRect()
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width))
    const step = longest[nearest(longest, low + share * (high - low))]
    const at = (100 * (step - low)) / (high - low)
    cursor.setAttribute('x1', at + '%')
    cursor.setAttribute('x2', at + '%')
    output.replaceChildren(line('', 'step ' + step.toLocaleString('en-GB')))
    for (const { label, tone, x, y } of curves) output.append(line(tone, label + ' ' + y[nearest(x, step)]))
    output.className = at > 50 ? 'left' : 'right'
  }
  const line = (tone, text) => {
    const element = document.createElement('span')
    element.className = tone
    element.textContent = text
    return element
  }
  const hide = () => {
    output.replaceChildren()
    cursor.setAttribute('x1', '-9999')
    cursor.setAttribute('x2', '-9999')
  }
  plot.addEventListener('pointermove', show)
  plot.addEventListener('pointerdown', show)
  plot.addEventListener('pointerleave', hide)
}
`
