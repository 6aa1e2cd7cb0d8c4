/** Requests that never stop, and what became of them. */
import { tally } from './server.js'
import type { Fixture, Verdict } from './fixture.js'

const IN_FLIGHT = 20

export interface Load {
  /** How often each answer came: `200`, or status and code. */
  stop(): Promise<Readonly<Record<string, number>>>
}

function describe({ status, code }: Verdict): string {
  return code === undefined ? String(status) : `${status} ${code}`
}

/** Keeps twenty requests under way. Each takes the token that is the newest when it begins. */
export function startLoad(fixture: Fixture, token: () => string): Load {
  const answers: string[] = []
  const over = new AbortController()
  const workers = Array.from({ length: IN_FLIGHT }, async () => {
    while (!over.signal.aborted) {
      // Not answered at all is an answer too, and the worst.
      answers.push(await fixture.send(token()).then(describe, String))
      // This is about being there always, not about speed.
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  })
  return {
    async stop() {
      over.abort()
      await Promise.all(workers)
      return tally(answers)
    },
  }
}
