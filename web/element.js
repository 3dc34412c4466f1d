/**
 * An element of text and elements; whatever comes from outside becomes text, never HTML.
 *
 * @param {string} name
 * @param {Readonly<Record<string, string | number | boolean>>} [attributes] `true`: without a value; `false`: not at all
 * @param {...(Node | string)} content
 * @returns {HTMLElement}
 */
export function element(name, attributes = {}, ...content) {
  return filled(document.createElement(name), attributes, content)
}

/**
 * The page's own element of that id.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id)
  if (!found) throw new Error(`no element ${id}`)
  return found
}

/**
 * A table with a heading for each column; numbers stand to the right.
 *
 * @param {readonly string[]} headings
 * @param {readonly (readonly (Node | string | number)[])[]} rows the first cell names the row
 * @returns {HTMLElement}
 */
export function table(headings, rows) {
  const [sample = []] = rows
  const head = headings.map((text, at) =>
    element('th', { scope: 'col', ...numberClass(sample[at]) }, text),
  )
  const body = rows.map(([first = '', ...rest]) =>
    element(
      'tr',
      {},
      element('th', { scope: 'row' }, cell(first)),
      ...rest.map((content, at) => dataCell(content, headings[at + 1] ?? '')),
    ),
  )
  return element(
    'table',
    { class: 'stacks' },
    element('thead', {}, element('tr', {}, ...head)),
    element('tbody', {}, ...body),
  )
}

/**
 * On a phone the heading stands before it.
 *
 * @param {Node | string | number} content
 * @param {string} heading
 */
function dataCell(content, heading) {
  return element('td', { ...numberClass(content), 'data-label': heading }, cell(content))
}

/** @param {Node | string | number | undefined} content */
function numberClass(content) {
  return typeof content === 'number' ? { class: 'number' } : {}
}

/** @param {Node | string | number} content */
function cell(content) {
  return typeof content === 'number' ? content.toLocaleString('en') : content
}

/**
 * @template {Element} T
 * @param {T} target
 * @param {Readonly<Record<string, string | number | boolean>>} attributes
 * @param {readonly (Node | string)[]} content
 * @returns {T}
 */
function filled(target, attributes, content) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== false) target.setAttribute(key, value === true ? '' : String(value))
  }
  target.append(...content)
  return target
}
