/**
 * Event streams that we end before their writer does.
 *
 * @module
 */

/**
 * Passes the bytes on until the end. Readers ignore an event that is half written then. Cutting the
 * stream makes it fail, and its connection too.
 *
 * @param watch gets a function that ends the stream, and returns one that ends the watch
 */
export function endableStream(
  source: ReadableStream<Uint8Array>,
  watch: (onEnd: (how: 'end' | 'cut') => void) => () => void,
): ReadableStream<Uint8Array> {
  const reader = source.getReader()
  let isOver = false
  let unwatch: (() => void) | undefined

  /** An error of the writer after the end does not matter. */
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
    // Nothing is read before the consumer asks for it.
    { highWaterMark: 0 },
  )
}
