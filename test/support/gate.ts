/** Holds whoever waits at it until it is opened, and tells when somebody came. */
export class Gate {
  /** Resolves when the first one has come. */
  readonly reached: Promise<void>
  private readonly opened: Promise<void>
  private arrive: () => void = () => {}
  private unlock: () => void = () => {}

  constructor() {
    this.reached = new Promise((resolve) => (this.arrive = resolve))
    this.opened = new Promise((resolve) => (this.unlock = resolve))
  }

  wait(): Promise<void> {
    this.arrive()
    return this.opened
  }

  open(): void {
    this.unlock()
  }
}
