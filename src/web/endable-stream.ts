/**
 * Streams of events that end before who writes them does.
 *
 * @module
 */

/** Whether an answer of this `Content-Type` is a stream of events. */
export function isEventStream(contentType = ''): boolean {
  return /^\s*text\/event-stream\s*(?:;|$)/i.test(contentType)
}

/**
 * The same bytes, as they are read, until the end. An event that is half written then is none for its reader. A stream
 * that is cut fails, and with it its connection.
 *
 * @param watch is told how to end the stream, and returns what ends the watch
 */
export function endableStream(
  source: ReadableStream<Uint8Array>,
  watch: (onEnd: (how: 'end' | 'cut') => void) => () => void,
): ReadableStream<Uint8Array> {
  const reader = source.getReader()
  let isOver = false
  let unwatch: (() => void) | undefined

  /** What the writer throws on its way out is of no use to anybody. */
  function cancel(reason?: unknown): void {
    reader.cancel(reason).catch(() => undefined)
  }

  function finish(): void {
    isOver = true
    unwatch?.()
  }

  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        unwatch = watch((how) => {
          if (isOver) return
          isOver = true
          if (how === 'end') controller.close()
          else controller.error(new Error('the token of this stream has ended'))
          cancel()
        })
      },
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          if (isOver) return
          if (!done) return controller.enqueue(value)
          finish()
          controller.close()
        } catch (error) {
          if (isOver) return
          finish()
          controller.error(error)
        }
      },
      cancel(reason) {
        finish()
        cancel(reason)
      },
    },
    // Nothing is read that nobody asked for.
    { highWaterMark: 0 },
  )
}
