/** The promise's own outcome, or a rejection that names `what` once `milliseconds` are over. */
export async function within<T>(
  milliseconds: number,
  what: string | (() => string),
  promise: Promise<T>,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const text = typeof what === 'string' ? what : what()
      reject(new Error(`not within ${milliseconds} ms: ${text}`))
    }, milliseconds)
  })
  try {
    return await Promise.race([promise, deadline])
  } finally {
    clearTimeout(timer)
  }
}
