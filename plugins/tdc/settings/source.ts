/** A file of one entry per line, comments and blank lines already taken out. */
export type ListFile =
  | { readonly kind: 'lines'; readonly lines: readonly string[] }
  | { readonly kind: 'unreadable'; readonly why: string }

export type TextFile =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'unreadable'; readonly why: string }

/** What the server's other files say about the domains of its mail, as it stands there. */
export interface MailDomains {
  /** Those that it receives mail for: host_list, smtp_forward.ini. */
  readonly received: readonly string[]
  /** host_list_regex: regular expressions of further ones. */
  readonly patterns: readonly string[]
  /** Those that the relay plugin relays for. */
  readonly relayed: readonly string[]
}

/** One section as haraka-config's ini parser gives it: numbers, strings, arrays, undefined. */
export type RawSection = Readonly<Record<string, unknown>>

/** What haraka-config's parser passes over without a word. */
export type Overlooked =
  /** Neither a heading, nor key=value, nor a comment: it has no effect. Its rest may be a secret. */
  | {
      readonly kind: 'stray-line'
      readonly section: string
      readonly number: number
      readonly firstWord: string
    }
  /** Stands there once more: the last one counts. */
  | { readonly kind: 'double-key'; readonly section: string; readonly key: string }

/** Everything that the settings are made of, gathered by the caller; reading touches nothing else. */
export interface SettingsSource {
  /** config/tdc.ini, section -> key -> value. */
  readonly ini: Readonly<Record<string, RawSection>>
  /** The server has no tdc.ini of its own. */
  readonly missing?: boolean
  /** Why the server's own tdc.ini, which is there, cannot be read. */
  readonly unreadable?: string | undefined
  /** The server's own tdc.ini as it stands. */
  readonly text: string
  /**
   * The section headings as they stand in the server's own tdc.ini, in order and with doubles,
   * which the parser merges without a word.
   */
  readonly headings: readonly string[]
  /** Of the server's own tdc.ini. */
  readonly overlooked: readonly Overlooked[]
  /** The value stands in the settings that the machines share, over that of the file. */
  readonly isShared?: (section: string, key: string) => boolean
  /** This machine's os.hostname(). */
  readonly hostname: string
  /** config/me: the machine's name when no section is called after its hostname. */
  readonly me: string
  readonly domains: MailDomains
  readList(name: string): ListFile
  readFile(path: string): TextFile
  /** An environment variable of this process. */
  environment(name: string): string | undefined
}
