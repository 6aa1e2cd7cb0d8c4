/** Faults of what people reported. */
import type { Fault } from './faults.js'

export const FIELD_FAULTS: readonly Fault[] = [
  {
    id: 'body-looked-at-before-its-type',
    breaks: 'FLD-23',
    find: "if (!isEventStream(response.headers.get('content-type') ?? '')) return response\n  const { body } = response",
    replace:
      "const { body } = response\n  if (!isEventStream(response.headers.get('content-type') ?? '')) return response",
    tests: ['web/light-response.test.ts'],
  },
]
