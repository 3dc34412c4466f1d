/** A copy that a store has. */
export interface StoredCopy {
  /** Of its queue file, when it gets one. */
  readonly name: string
  /** Of that file. */
  readonly content: Buffer
}

/**
 * Where copies are until they end, or get a queue file of their own: what is in it outlives the process, and is
 * taken over by the next.
 */
export interface CopyStore {
  /** Durable when it resolves. When it rejects, the copy may be in it all the same, but as ended. */
  append(copy: StoredCopy, signal: AbortSignal): Promise<StoredCopy>
  /** It must not be sent any more. Resolves when the store knows; `durably`: also after a power loss. */
  end(stored: StoredCopy, durably?: 'durably'): Promise<void>
  /** All that are in it. */
  list(): Iterable<StoredCopy>
}
