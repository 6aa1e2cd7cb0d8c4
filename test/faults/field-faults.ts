/** Faults of what people reported. */
import type { Fault } from './faults.js'

export const FIELD_FAULTS: readonly Fault[] = [
  {
    id: 'scanners-fill-the-log',
    breaks: 'FLD-19',
    find: 'this.#paths.size >= MOST_LINES || this.#paths.has(path)',
    replace: 'this.#paths.has(path)',
    tests: ['gateway/unserved-paths.test.ts'],
  },
  {
    id: 'resources-of-other-hosts-named',
    breaks: 'FLD-19',
    find: 'new URL(resource).hostname === name',
    replace: 'new URL(resource).hostname !== undefined',
    tests: ['gateway/unserved-paths.test.ts'],
  },
  {
    id: 'hint-among-the-members',
    breaks: 'FLD-21',
    find: "typeof line['hint'] === 'string' ? `\\n    → ${line['hint']}` : ''",
    replace: "''",
    tests: ['cli/log.test.ts'],
  },
  {
    id: 'every-load-of-keys-is-news',
    breaks: 'FLD-21',
    find: "added + retired > 0 ? 'info' : 'debug'",
    replace: "added + retired >= 0 ? 'info' : 'debug'",
    tests: ['cli/log.test.ts'],
  },
  {
    id: 'silent-by-default',
    breaks: 'FLD-18',
    find: 'listener === false ? undefined : (listener ?? DEFAULT)',
    replace: 'listener === false ? undefined : listener',
    tests: ['rs/log-events.test.ts'],
  },
  {
    id: 'a-line-for-every-refusal',
    breaks: 'FLD-18',
    find: 'at - kind.shownAt < MINUTE',
    replace: 'at - kind.shownAt < 0',
    tests: ['rs/log-events.test.ts'],
  },
  {
    id: 'body-looked-at-before-its-type',
    breaks: 'FLD-23',
    find: "if (!isEventStream(response.headers.get('content-type') ?? '')) return response\n  const { body } = response",
    replace:
      "const { body } = response\n  if (!isEventStream(response.headers.get('content-type') ?? '')) return response",
    tests: ['web/light-response.test.ts'],
  },
  {
    id: 'host-of-the-operator-is-the-tls-name',
    breaks: 'FLD-13',
    find: 'connector(target, callback)',
    replace: 'connector(named, callback)',
    tests: ['gateway/operation.test.ts'],
  },
  {
    id: 'host-of-the-operator-not-sent',
    breaks: 'FLD-13',
    find: "host === undefined ? [] : ['Host', host]",
    replace: 'host === undefined ? [] : []',
    tests: ['gateway/remarks.test.ts'],
  },
  {
    id: 'misdirected-request-told-to-the-client',
    breaks: 'FLD-13',
    find: 'if (status === 421) {',
    replace: 'if (status === 422) {',
    tests: ['gateway/remarks.test.ts'],
  },
  {
    id: 'a-remark-for-every-answer',
    breaks: 'FLD-13',
    find: 'told !== undefined && now - told < MINUTE',
    replace: 'told !== undefined && now - told < 0',
    tests: ['gateway/remarks.test.ts'],
  },
  {
    id: 'old-sessions-are-remarked',
    breaks: 'FLD-13',
    find: 'status === 404 && !hasSession',
    replace: 'status === 404',
    tests: ['gateway/remarks.test.ts'],
  },
  {
    id: 'endpoint-in-two-chunks-missed',
    breaks: 'FLD-13',
    find: "this.#text += chunk.toString('latin1', 0, LOOKED_AT)",
    replace: "this.#text = chunk.toString('latin1', 0, LOOKED_AT)",
    tests: ['gateway/remarks.test.ts'],
  },
]
