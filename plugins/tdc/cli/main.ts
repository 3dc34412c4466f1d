import { run } from './run'

/** The program haraka-tdc: does what its words say, and ends with the code of that. */
export function main(): void {
  // haraka-tld, which comes with the MX look-up, says on standard output what it loads.
  console.log = () => {}

  run(process.argv.slice(2)).then(
    // What was written to a pipe is on its way until the callback; watched files would keep us alive.
    (code) => void process.stdout.write('', () => process.exit(code)),
    (error: unknown) => {
      throw error
    },
  )
}
