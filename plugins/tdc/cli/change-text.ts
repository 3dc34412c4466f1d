import { levelOf } from '../cluster/sections'
import type { Change } from '../cluster/shared-document'
import { momentText } from './moments'

/** One change of the shared settings, and each value of it. */
export function changeText({ number, at, author, reverts, values }: Change): string[] {
  const why = reverts === null ? '' : `, reverts ${reverts}`
  return [
    `change ${number}  ${momentText(at)}  ${author}${why}`,
    ...values.map(
      ({ section, key, before, after }) =>
        `  ${levelOf(section)} ${key}: ${valueText(before)} -> ${valueText(after)}`,
    ),
  ]
}

function valueText(value: string | null): string {
  if (value === null) return '(tdc.ini)'
  return value === '' ? '(nothing)' : value
}
