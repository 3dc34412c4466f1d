/** Work whose result all share who ask for it meanwhile, or up to `freshFor` milliseconds after. */
export class Shared<T> {
  private running: Promise<T> | undefined
  private kept: { readonly value: T; readonly at: number } | undefined

  constructor(
    private readonly work: () => Promise<T>,
    private readonly freshFor: number,
    private readonly now: () => number,
  ) {}

  value(): Promise<T> {
    if (this.kept && this.now() - this.kept.at < this.freshFor) {
      return Promise.resolve(this.kept.value)
    }
    this.running ??= this.work()
      .then((value) => {
        this.kept = { value, at: this.now() }
        return value
      })
      .finally(() => {
        this.running = undefined
      })
    return this.running
  }
}
