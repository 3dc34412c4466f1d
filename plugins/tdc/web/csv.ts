import type { send } from './http-answer'

type Rows = readonly (readonly (string | number)[])[]

/** A file of comma-separated values (RFC 4180). */
export function csvFile(name: string, rows: Rows): Parameters<typeof send>[1] {
  const body = rows.map((row) => row.map(cellOf).join(',') + '\r\n').join('')
  const headers = { 'Content-Disposition': `attachment; filename="haraka-tdc-${name}"` }
  return { status: 200, type: 'text/csv; charset=utf-8', body, headers }
}

/** What a spreadsheet would take for a formula is text. */
function cellOf(value: string | number): string {
  if (typeof value === 'number') return String(value)
  const text = /^[=+\-@\t]/.test(value) ? `'${value}` : value
  return `"${text.replaceAll('"', '""')}"`
}
