/** Rules that attacks broke before, broken on purpose. */
import type { Fault } from './faults.js'

const policy = ['matrix/policy.test.ts']
const uris = ['property/resource-uris.test.ts']

export const JUDGEMENT_FAULTS: readonly Fault[] = [
  {
    id: 'fragments-taken',
    breaks: 'ATK-10',
    find: '[\\p{Cc}\\\\#\\p{Cs}]|',
    replace: '[\\p{Cc}\\\\\\p{Cs}]|',
    tests: policy,
  },
  {
    id: 'queries-escape-rules',
    breaks: 'ATK-10',
    find: '(pattern.query === undefined ||',
    replace: '((pattern.query === undefined && query === undefined) ||',
    tests: uris,
  },
  {
    id: 'queries-allowed-by-their-path',
    breaks: 'ATK-10',
    find: '(uri.query === undefined || query !== undefined) &&',
    replace: '',
    tests: policy,
  },
  {
    id: 'users-of-uris-taken',
    breaks: 'ATK-10',
    find: '!groups.some(({ users }) => users.has(userinfo))',
    replace: 'groups.length < 0',
    tests: policy,
  },
  {
    id: 'hosts-of-files-escape-rules',
    breaks: 'ATK-10',
    find: "groups.push(this.#literal.get(keyOf(scheme, '', '')))",
    replace: 'groups.push(undefined)',
    tests: uris,
  },
  {
    id: 'two-stars-in-a-host',
    breaks: 'ATK-10',
    find: "if (!isAll && written.includes('**')) {",
    replace: 'if (!isAll && written.length < 0) {',
    tests: uris,
  },
  {
    id: 'uris-decoded-twice',
    breaks: 'ATK-10',
    find: 'CONTROLS.test(decoded) || ENCODED.test(decoded)',
    replace: 'CONTROLS.test(decoded)',
    tests: policy,
  },
  {
    id: 'last-slashes-escape-rules',
    breaks: 'ATK-10',
    find: '.map((each) => each.slice(0, -1))',
    replace: '.slice(0, 0)',
    tests: policy,
  },
  {
    id: 'templates-are-uris',
    breaks: 'ATK-10',
    find: 'isTemplate ? canonicalTemplate(value) : comparableName(target, value)',
    replace: 'isTemplate ? comparableName(target, value) : comparableName(target, value)',
    tests: policy,
  },
  {
    id: 'operations-without-end',
    breaks: 'ATK-10',
    find: 'MOST_OPERATIONS - operations.length',
    replace: 'MOST_OPERATIONS',
    tests: policy,
  },
]
