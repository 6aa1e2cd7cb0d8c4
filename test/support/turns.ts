/** Turns of the event loop. */

/** Another turn: what the loop has already got has happened by then. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** A few turns, for what takes more than one. */
export async function someTurns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await nextTurn()
}
