/** Rules that attacks broke before, broken on purpose. */
import type { Fault } from './faults.js'

const policy = ['matrix/policy.test.ts']
const uris = ['property/resource-uris.test.ts']
const parsers = ['rs/body-parsers.test.ts']

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
  {
    id: 'any-charset-judged',
    breaks: 'ATK-11',
    find: '[ \\t]*(?:utf-8|"utf-8")[ \\t]*)?$/i',
    replace: '[^;]*)?$/i',
    tests: policy,
  },
  {
    id: 'any-media-type-judged',
    breaks: 'ATK-11',
    find: 'return field !== undefined && JSON_IN_UTF8.test(field)',
    replace: 'return field === undefined || /json/i.test(field)',
    tests: ['matrix'],
  },
  {
    id: 'raw-body-judged-in-place-of-what-is-seen',
    breaks: 'ATK-11',
    find: 'return bytesOf(body) ?? (Buffer.isBuffer(rawBody) ? rawBody : undefined)',
    replace: 'return Buffer.isBuffer(rawBody) ? rawBody : bytesOf(body)',
    tests: parsers,
  },
  {
    id: 'raw-body-not-compared',
    breaks: 'ATK-11',
    find: 'if (sent !== undefined && !holdTheSame(body, sent)) {',
    replace: 'if (sent !== undefined && body.length < 0) {',
    tests: parsers,
  },
  {
    id: 'stateless-forms-taken-without-a-policy',
    breaks: 'ATK-11',
    find: 'if (isJsonInUtf8(contentType)) return undefined',
    replace: 'if (contentType !== null) return undefined',
    tests: ['matrix/matrix.test.ts'],
  },
  {
    id: 'bodies-of-get-behind-node',
    breaks: 'ATK-12',
    find: "if (method !== 'POST' && bringsBody(request)) {",
    replace: "if (method === 'PATCH' && bringsBody(request)) {",
    tests: policy,
  },
  {
    id: 'bodies-of-get-behind-hono',
    breaks: 'ATK-12',
    find: "if (method !== 'POST' && bringsBody(c)) {",
    replace: "if (method === 'PATCH' && bringsBody(c)) {",
    tests: policy,
  },
  {
    id: 'json-without-bounds',
    breaks: 'ATK-07',
    find: 'if (members + nested > parts || level > depth) return undefined',
    replace: 'if (members < 0 || parts < depth) return undefined',
    tests: policy,
  },
  {
    id: 'unreadable-for-nothing',
    breaks: 'ATK-07',
    find: '    countRefusal(authenticated)\n    const text =',
    replace: '    const text =',
    tests: policy,
  },
]
