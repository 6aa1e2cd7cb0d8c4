/**
 * Ends a command in order when a signal asks for it.
 *
 * @module
 */

/** A command in its own process group does not get Ctrl-C from the terminal, so we end it. */
const ENDING: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']

/**
 * Runs the work with a signal that fires at Ctrl-C and similar signals. A second one ends the process at
 * once.
 *
 * @param reason of the abort
 */
export async function interruptible<T>(
  reason: Error,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const interrupt = () => {
    // A second signal ends us, and everything that we started, at once.
    if (controller.signal.aborted) process.exit(1)
    controller.abort(reason)
  }
  for (const signal of ENDING) process.on(signal, interrupt)
  try {
    return await work(controller.signal)
  } finally {
    for (const signal of ENDING) process.off(signal, interrupt)
  }
}
