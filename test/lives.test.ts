import { equal } from 'node:assert/strict'
import { Lives } from './faults/lives'
import type { Copy } from './support/intake'
import { Ledger } from './support/ledger'

interface Row {
  readonly what: string
  readonly kills: readonly number[]
  /** When the connection of each of its copies began. */
  readonly copies: readonly number[]
  readonly needless: number
}

const ROWS: readonly Row[] = [
  { what: 'one copy', kills: [], copies: [1], needless: 0 },
  { what: 'two without a kill', kills: [], copies: [1, 2], needless: 1 },
  { what: 'two over one connection', kills: [5], copies: [1, 1], needless: 1 },
  { what: 'one before and one after a kill', kills: [5], copies: [1, 6], needless: 0 },
  { what: 'one after a kill that the intake took late', kills: [5], copies: [6, 1], needless: 0 },
  { what: 'two after a kill', kills: [5], copies: [6, 7], needless: 1 },
  { what: 'three in three lives', kills: [5, 8], copies: [1, 6, 9], needless: 0 },
]

describe('how often a copy may come', () => {
  for (const { what, kills, copies, needless } of ROWS) {
    it(`${what}: ${needless} needless`, () => {
      const arrived = new Ledger<Pick<Copy, 'raw' | 'connectedAt'>>()
      const killsBefore = (time: number) => kills.filter((kill) => kill < time).length
      const lives = new Lives({ haraka: { killsBefore }, intake: { copies: arrived } })
      const raw = Buffer.from('Subject: a mail\r\n\r\n')
      for (const connectedAt of copies) arrived.add({ raw, connectedAt })

      equal(lives.needless('a mail'), needless)
    })
  }
})
