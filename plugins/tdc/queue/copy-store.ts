/** A copy as a store takes it. */
export interface CopyRecord {
  /** Of its queue file, when it gets one. */
  readonly name: string
  /** Of that file. */
  readonly content: Buffer
}

/** A copy that a store has. Without `content` the store alone has that. */
export interface StoredCopy extends Pick<CopyRecord, 'name'> {
  content?: Buffer
}

/**
 * Where copies are until they end, or get a queue file of their own: what is in it outlives the process, and is
 * taken over by another.
 */
export interface CopyStore {
  /** Durable when it resolves. When it rejects, the copy may be in it all the same, but as ended. */
  append(copy: CopyRecord, signal: AbortSignal): Promise<StoredCopy>
  /** It must not be sent any more. Resolves when the store knows; `durably`: also after a power loss. */
  end(stored: StoredCopy, durably?: 'durably'): Promise<void>
  /** All that are in it. */
  list(): Iterable<StoredCopy>
  /** Set: a copy stays in it however long it waits. Otherwise one that waits gets a queue file. */
  readonly shared?: SharedCopies
}

/** What several machines store their copies in: each takes over those of one that is gone. */
export interface SharedCopies {
  /** False: another machine has taken it over. */
  has(stored: StoredCopy): boolean
  /** Before it is sent: rejects when `has` is false by now. Undefined: it is this machine's without asking. */
  confirm(stored: StoredCopy): Promise<void> | undefined
  /** Its queue file; confirmed. */
  read(stored: StoredCopy): Promise<Buffer>
  /** So many attempts have failed: whoever takes it over goes on with that. */
  note(stored: StoredCopy, attempts: number): void
}

/** A copy in place of whose queue file a store has it. */
export interface InStore {
  readonly store: CopyStore
  readonly copy: StoredCopy
}
