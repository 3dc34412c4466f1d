import type { Found } from '../control/tracked-messages'
import { messageWithoutAddresses } from '../monitor/masked'
import { json, type Routes, send, sentence, type Turn } from './http-answer'
import { csvFile } from './csv'

export interface MessagesDeps {
  /**
   * The messages that a MID, a Message-ID or an address stands for ('': any), of all processes: those with
   * a copy for `intake` that came to `cameTo` (monitor/copies-of.ts).
   */
  readonly find: (wanted: string, intake: string, cameTo: string, most: number) => Promise<Found>
}

/** What the page is told of messages. */
export interface FoundView extends Found {
  /** There are older ones. */
  readonly more: boolean
}

const MOST_SHOWN = 50
const MOST_IN_FILE = 500

/** Characters of a search: the longest Message-ID that a line can hold (RFC 5322 section 2.1.1). */
const LONGEST_SEARCH = 998

/** Searches at a time; each asks all processes. */
const MOST_SEARCHES = 4

/** What became of messages, for the page and for a spreadsheet. */
export class MessagesData {
  readonly routes: Routes = [
    ['/track', { method: 'GET', data: true, answer: (turn) => this.show(turn) }],
    ['/messages.csv', { method: 'GET', data: true, answer: (turn) => this.asCsv(turn) }],
  ]
  private searches = 0

  constructor(private readonly deps: MessagesDeps) {}

  private async show(turn: Turn): Promise<void> {
    const found = await this.found(turn, MOST_SHOWN)
    if (found) send(turn.response, json(found))
  }

  private async asCsv(turn: Turn): Promise<void> {
    const found = await this.found(turn, MOST_IN_FILE)
    if (!found) return
    const rows = found.messages.map((message) => [
      ...[new Date(message.at).toISOString(), message.transaction, message.messageId],
      ...[message.sender, message.recipients.join(' '), message.steps.at(-1)?.text ?? ''],
    ])
    const head = ['at', 'transaction', 'message_id', 'sender', 'recipients', 'last_step']
    send(turn.response, csvFile('messages.csv', [head, ...rows]))
  }

  /** Undefined: the answer was another one. */
  private async found(
    { response, query, page }: Turn,
    most: number,
  ): Promise<FoundView | undefined> {
    const [wanted = '', intake = '', cameTo = ''] = ['q', 'intake', 'count'].map((name) =>
      (query.get(name) ?? '').trim(),
    )
    if (wanted === '' && intake === '') {
      send(response, sentence(400, 'Nothing to search for: q is missing.'))
      return undefined
    }
    const longest = Math.max(wanted.length, intake.length, cameTo.length)
    if (longest > LONGEST_SEARCH) {
      const text = `q has ${longest} characters; ${LONGEST_SEARCH} are the most.`
      send(response, sentence(400, text))
      return undefined
    }
    if (this.searches >= MOST_SEARCHES) {
      const text = `${MOST_SEARCHES} searches are running already.`
      send(response, sentence(503, text, { 'Retry-After': '1' }))
      return undefined
    }
    this.searches++
    try {
      const { messages, silent } = await this.deps.find(wanted, intake, cameTo, most + 1)
      const shown = messages.slice(0, most)
      return {
        messages: page.showAddresses ? shown : shown.map(messageWithoutAddresses),
        silent,
        more: messages.length > most,
      }
    } finally {
      this.searches--
    }
  }
}
