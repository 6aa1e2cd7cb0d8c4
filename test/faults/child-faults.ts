/** Rules that attacks broke before, broken on purpose. */
import type { Fault } from './faults.js'

export const CHILD_FAULTS: readonly Fault[] = [
  {
    id: 'log-lines-are-answers',
    breaks: 'ATK-20',
    find: 'version === undefined || valueAt(bytes, version) !== JSON_RPC',
    replace: 'version !== undefined && valueAt(bytes, version) !== JSON_RPC',
    tests: ['gateway/stdio/session.test.ts'],
  },
  {
    id: 'any-version-of-json-rpc',
    breaks: 'ATK-20',
    find: 'version === undefined || valueAt(bytes, version) !== JSON_RPC',
    replace: 'version === undefined',
    tests: ['gateway/stdio/session.test.ts'],
  },
]
