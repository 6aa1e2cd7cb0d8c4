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
  {
    id: 'queue-moves-the-rest',
    breaks: 'ATK-07',
    find: 'this.#entries[this.#gone] = undefined\n    this.#gone++\n',
    replace: 'this.#entries.shift()\n',
    tests: ['property/bounded-queue.test.ts'],
  },
  {
    id: 'queue-counts-bytes-alone',
    breaks: 'ATK-07',
    find: 'return ENTRY + bytes.length',
    replace: 'return bytes.length',
    tests: ['property/bounded-queue.test.ts'],
  },
  {
    id: 'a-subject-takes-all-children',
    breaks: 'ATK-07',
    find: 'Math.max(1, Math.floor(maxChildren / 2))',
    replace: 'maxChildren',
    tests: ['gateway/stdio/bounds.test.ts'],
  },
  {
    id: 'anonymous-callers-share-nothing',
    breaks: 'ATK-07',
    find: 'return subject === undefined ? NO_SUBJECT :',
    replace: 'return subject === undefined ? crypto.randomUUID() :',
    tests: ['gateway/stdio/bounds.test.ts'],
  },
  {
    id: 'full-for-a-caller-without-any',
    breaks: 'ATK-07',
    find: 'return isFirst && this.#endOfRichest() ?',
    replace: 'return isFirst && this.#all.size < 0 ?',
    tests: ['gateway/stdio/bounds.test.ts'],
  },
  {
    id: 'room-by-ending-what-others-use',
    breaks: 'ATK-07',
    find: 'const [oldest] = among\n    .filter(({ attendance }) => attendance.isEmpty)\n',
    replace: 'const [oldest] = [...among]\n',
    tests: ['gateway/stdio/bounds.test.ts'],
  },
  {
    id: 'one-verdict-for-all-callers',
    breaks: 'ATK-07',
    find: 'const until = this.#until.get(callerKey)',
    replace: 'const until = [...this.#until.values()][0]',
    tests: ['gateway/stdio/bounds.test.ts'],
  },
  {
    id: 'verdict-for-good',
    breaks: 'ATK-07',
    find: 'if (this.#now() < until) return true',
    replace: 'if (until > 0) return true',
    tests: ['gateway/stdio/bounds.test.ts'],
  },
]
