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
    id: 'null-in-an-answer-is-a-value',
    breaks: 'FLD-02',
    find: 'claims: withoutNulls(claims),',
    replace: 'claims,',
    tests: ['rs/nulls.test.ts'],
  },
  {
    id: 'null-in-a-key-is-a-value',
    breaks: 'FLD-02',
    find: 'const jwk = withoutNulls(member)',
    replace: 'const jwk = member',
    tests: ['rs/nulls.test.ts'],
  },
  {
    id: 'null-in-metadata-is-a-value',
    breaks: 'FLD-02',
    find: 'document: withoutNulls(document),',
    replace: 'document,',
    tests: ['rs/nulls.test.ts'],
  },
  {
    id: 'null-as-end-of-a-jwt',
    breaks: 'FLD-02',
    find: "withoutNulls(claims, 'exp')",
    replace: 'withoutNulls(claims)',
    tests: ['rs/nulls.test.ts'],
  },
]
