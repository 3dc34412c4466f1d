/** A policy for each name: mail to `NAME.test` is copied to an intake of its own at `NAME.example`. */
export function policiesFor(names: readonly string[]): string {
  const policies = names.map(
    (name) => `[policy.${name}]
recipients=listed
recipient_list[]=@${name}.test
intake=custom
intake_address=journal@${name}.example
`,
  )
  return policies.join('')
}
