/**
 * Tries several ways to the same result and takes the first that works.
 *
 * @module
 */

/**
 * Starts one attempt after the other: the next one when the last one has taken `patience`
 * milliseconds, or at once after a failure. No attempt keeps the others from being tried.
 *
 * @returns the value of the first that succeeds
 * @throws {AggregateError} with the errors of all, in their order
 */
export function firstOf<Value>(
  attempts: readonly (() => Promise<Value>)[],
  patience: number,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const errors: unknown[] = []
    const waiting = attempts.entries()
    let failures = 0
    let isFound = false
    let timer: ReturnType<typeof setTimeout> | undefined

    function startNext(): void {
      clearTimeout(timer)
      const { value: next } = waiting.next()
      if (next === undefined) return
      const [index, attempt] = next
      timer = setTimeout(startNext, patience)
      attempt().then(
        (value) => {
          clearTimeout(timer)
          isFound = true
          resolve(value)
        },
        (error: unknown) => {
          errors[index] = error
          failures++
          if (failures === attempts.length) reject(new AggregateError(errors))
          if (!isFound) startNext()
        },
      )
    }
    startNext()
  })
}
