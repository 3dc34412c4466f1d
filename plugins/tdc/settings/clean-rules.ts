const OPERATORS = ['<=', '>=', '!=', '=', '<', '>'] as const

/** A result of another plugin with which a message is not clean, though Haraka delivers it. */
export interface CleanRule {
  /** As it was written. */
  readonly text: string
  /** Plugin and key, joined with dots, both of which names of plugins have too: `mail_from.x.fail`. */
  readonly path: readonly string[]
  /** Without one, the result has to be there and say yes. */
  readonly test?:
    { readonly operator: (typeof OPERATORS)[number]; readonly value: string } | undefined
}

const RULE = /^([\w/-]+(?:\.[\w/-]+)+)\s*(?:(<=|>=|!=|=|<|>)\s*(.+))?$/

/** `clamd.fail`, `rspamd.action=add header`, `karma.score<-5`; undefined: none of the kind. */
export function parseCleanRule(text: string): CleanRule | undefined {
  const [, path, operator, value = ''] = RULE.exec(text.trim()) ?? []
  if (path === undefined) return undefined
  const found = OPERATORS.find((each) => each === operator)
  const isNumeric = found?.includes('<') || found?.includes('>')
  if (isNumeric && !Number.isFinite(Number(value))) return undefined
  return {
    text: text.trim(),
    path: path.split('.'),
    test: found && { operator: found, value: value.trim() },
  }
}
