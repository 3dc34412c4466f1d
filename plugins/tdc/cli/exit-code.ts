/** How the program ends; scripts read it. */
export const EXIT = {
  ok: 0,
  /** The answer is no, or something is wrong. */
  no: 1,
  usage: 2,
  notRunning: 3,
  notPermitted: 4,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** Ends the program with one sentence. */
export class Stop extends Error {
  constructor(
    readonly code: ExitCode,
    sentence: string,
  ) {
    super(sentence)
  }
}
