/**
 * How servers read a URI, and URIs that are made to be read in two ways. A policy that allows a URI without what a
 * closed resource asks for has a hole where some server reads the closed one out of it.
 */
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { operationsOf, UnclearOperation } from '../../src/mcp/operation.js'
import { checkPolicy } from '../../src/policy/document.js'
import { RulePolicy } from '../../src/policy/policy.js'
import type { VerifiedAccessToken } from '../../src/types.js'

const SHARED = ['srv', 'private', 'key.pem', 'public', 'a.txt', '%70', '%6b', 'x', 'X', '*']
const SLASHES = ['/', '/', '//', '\\', '%2f', '%5c', '%252f', '%25%32%66', '/./', '/../', '/..;/']
const DOTS = [
  '.',
  '..',
  '%2e',
  '%2e%2e',
  '%252e%252e',
  '..;',
  '.;',
  '/..',
  '%2e%2e%3b',
  ' ..',
  '。',
]
const ENDS = [
  '#',
  '?',
  '%23',
  '%3f',
  '#x',
  '?x',
  '?/a.txt',
  '?/../',
  '?a=../',
  ';x',
  ';',
  '/;a/',
  '/;/',
  '//;a;b/',
  ';%3b',
  '%3Bq;r',
  '&',
  '=',
  '/',
]
const AUTHORITY = [
  '@',
  ':',
  ':80',
  ':443',
  'localhost',
  'LOCALHOST.',
  '%40',
  'u@',
  '[',
  '%5B',
  '127.1',
]
const ODD = [
  '\t',
  '\n',
  ' ',
  '%20',
  '%09',
  '%0a',
  '%00',
  '\0',
  '%7f',
  '%C2%85',
  '%E9',
  '%',
  '%4',
  '\u00a0',
]

const token: fc.Arbitrary<string> = fc.constantFrom(
  ...SHARED,
  ...SLASHES,
  ...DOTS,
  ...ENDS,
  ...AUTHORITY,
  ...ODD,
)
const bases: fc.Arbitrary<string> = fc.constantFrom(
  'file:///srv/private/key.pem',
  'file:/srv/private/key.pem',
  'file://localhost/srv/private/key.pem',
  'file:///srv/public/a.txt',
  'https://h.example/srv/private/key.pem',
  'https://h.example/srv/public/a.txt',
  'db://h.example/srv/private/key.pem',
  'db:srv/private/key.pem',
)
const mutated = fc
  .tuple(bases, fc.array(fc.tuple(fc.nat(45), token, fc.nat(2)), { minLength: 0, maxLength: 4 }))
  .map(([base, edits]) =>
    edits.reduce<string>(
      (text, [at, insert, drop]) => text.slice(0, at) + insert + text.slice(at + drop),
      base,
    ),
  )
const assembled = fc
  .tuple(
    fc.constantFrom(
      'file:',
      'FILE://',
      'file:///',
      'https://h.example/',
      'https:',
      'db://h.example',
    ),
    fc.array(token, { maxLength: 10 }),
  )
  .map(([start, tokens]) => start + tokens.join(''))

export const trickyUris: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: mutated },
  assembled,
)

/** Rules that open much, of which some are there, beside those that close one tree and one file. */
const OPENING = [
  'file:///srv/**',
  'file:///**',
  'file://*/**',
  'file:///srv/**/*.txt',
  'file:///srv/**?**',
  'file:///srv/p*/**',
  'file:///**?*',
  'file://**',
  'https://*/srv/**',
  'https://h.example/**',
  'https://*.example:*/**?**',
  'https://u@h.example/**',
  'https://**',
  'db://*/**',
  'db://h.example/srv/**?*',
  'db:**',
] as const
const CLOSING = ['file:///srv', 'https://h.example/srv', 'db://h.example/srv'].flatMap((start) => [
  `${start}/private/**`,
  `${start}/secret/key.pem`,
])

export const openRules: fc.Arbitrary<readonly string[]> = fc.oneof(
  fc.constantFrom(...OPENING).map((pattern) => [pattern]),
  fc.constant(OPENING),
)

/** What a pattern that allows little means. All readings of a URI that it allows must be within. */
interface Narrow {
  readonly pattern: string
  /** Of the path, normalized. */
  isPath?(path: string): boolean
  /** Of each parameter that it names. */
  readonly values?: Readonly<Record<string, (value: string) => boolean>>
}

const isPublic = (path: string) => /^public(?:\/|$)/.test(posix.normalize(path))
const isText = (path: string) => isPublic(path) && path.endsWith('.txt')
const inSegment = (value: string) => !value.includes('/')

const NARROW: readonly Narrow[] = [
  {
    pattern: 'file:///srv/public/**',
    isPath: (path) => path === '/srv/public' || path.startsWith('/srv/public/'),
  },
  {
    pattern: 'file:///srv/**/*.txt',
    isPath: (path) => path.startsWith('/srv/') && path.endsWith('.txt'),
  },
  { pattern: 'file:///srv/*/*.pem', isPath: (path) => /^\/srv\/[^/]*\/[^/]*\.pem$/.test(path) },
  { pattern: 'dir://h.example/list?path=public/**', values: { path: isPublic } },
  { pattern: 'dir://h.example/list?path=public/**.txt', values: { path: isText } },
  { pattern: 'dir://h.example/list?path=*&user=me', values: { path: inSegment, user: isMe } },
  { pattern: 'db://h.example/t?table=public_*', values: { table: isPublicTable } },
  { pattern: 'db://h.example/t?table=public_**', values: { table: startsPublic } },
  { pattern: 'db://h.example/t?table=*&user=me', values: { table: inSegment, user: isMe } },
  { pattern: 'db://h.example/t?user=me;table=*', values: { table: () => true, user: () => true } },
]

function isMe(value: string): boolean {
  return value === 'me'
}
function startsPublic(value: string): boolean {
  return value.startsWith('public_')
}
function isPublicTable(value: string): boolean {
  return startsPublic(value) && inSegment(value)
}

export const narrowRules: fc.Arbitrary<Narrow> = fc.constantFrom(...NARROW)

const QUERY_TOKENS = [
  ...['table', 'user', 'path', 't%61ble', 'u%73er', 'TABLE', 'admin', 'x=1', '&table=', ';table='],
  ...['&user=root', '&user=me', 'user=me&', '&path=', '&path[]=', '&path%5Bx]=', '&+table='],
  ...['=', '=', '&', '&', ';', '%26', '%3B', '%3D', '+', '%20', '%2B', '?', ',', ':', '%2C', '%3A'],
  ...[
    'public',
    'public/',
    'public_',
    'private/',
    'secret',
    'a.txt',
    'key.pem',
    'me',
    'root',
    '.txt',
  ],
  ...[
    '/',
    '//',
    '..',
    '/..',
    '../',
    '/../',
    './',
    '/./',
    '.',
    '...',
    '..hidden',
    '|',
    '%7C',
    '(',
    '"',
  ],
  ...['[', ']', '[]', '%5B', '%2526', '%252e', '%25', '*', '%2A'],
]
const queryToken: fc.Arbitrary<string> = fc.constantFrom(...QUERY_TOKENS)
const queryBases: fc.Arbitrary<string> = fc.constantFrom(
  'dir://h.example/list?path=public/a.txt',
  'dir://h.example/list?path=private/key.pem',
  'dir://h.example/list?path=public/a/b.txt&user=me',
  'dir://h.example/list?path=a&user=me',
  'db://h.example/t?table=public_a',
  'db://h.example/t?table=x&user=me',
  'db://h.example/t?table=secret',
)
const mutatedQuery = fc
  .tuple(queryBases, fc.array(fc.tuple(fc.nat(30), queryToken, fc.nat(2)), { maxLength: 3 }))
  .map(([base, edits]) => {
    const start = base.indexOf('?') + 1
    return edits.reduce<string>(
      (text, [at, insert, drop]) =>
        text.slice(0, start + at) + insert + text.slice(start + at + drop),
      base,
    )
  })
const assembledQuery = fc
  .tuple(
    fc.constantFrom('dir://h.example/list?path=', 'db://h.example/t?table=', 'db://h.example/t?'),
    fc.array(queryToken, { maxLength: 8 }),
  )
  .map(([start, tokens]) => start + tokens.join(''))

/** URIs whose queries are made to be read in two ways. */
export const trickyQueries: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: mutatedQuery },
  assembledQuery,
)

/** A parameter, as a server reads it. */
export type Parameter = readonly [name: string, value: string]

function decodeForm(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** As PHP names it (`php_register_variable_ex`). */
function phpName(name: string): string {
  const plain = name.replace(/^ +/, '')
  const [base = '', ...rest] = plain.split(/(?=\[)/)
  const isArray = base !== '' && /^\[[^\]]*\]/.test(rest.join(''))
  return (isArray ? base : plain).replace(/[ .[]/g, '_')
}

/** All parameters that a reader of Node, or one like PHP, finds in a URI. */
export function parametersOfNode(uri: string): readonly Parameter[] {
  const query = uri.slice(uri.indexOf('?') + 1)
  const pairs = [/&/, /[&;]/].flatMap((separator) =>
    query
      .split(separator)
      .filter((each) => each !== '')
      .map((each) => /^([^=]*)=?(.*)$/s.exec(each) ?? ['', '', '']),
  )
  const plain = pairs.map(([, name = '', value = '']): Parameter => [
    decodeForm(name),
    decodeForm(value),
  ])
  const forms = pairs.map(([, name = '', value = '']): Parameter => [
    decodeForm(name.replaceAll('+', ' ')),
    decodeForm(value.replaceAll('+', ' ')),
  ])
  const php = forms.map(([name, value]): Parameter => [phpName(name), value])
  const url = URL.canParse(uri) ? [...new URL(uri).searchParams] : []
  return [...plain, ...forms, ...php, ...url]
}

/** Whether a server that takes one of these parameters leaves what a narrow pattern means. */
export function isOutside(
  { isPath, values }: Narrow,
  { paths, parameters }: { paths: readonly string[]; parameters: readonly Parameter[] },
): boolean {
  if (isPath !== undefined) return !paths.every((path) => isPath(path))
  const allowed = values ?? {}
  return parameters.some(([name, value]) => {
    const isAllowed = Object.hasOwn(allowed, name) ? allowed[name] : undefined
    // A value may be a list, of which a server takes the first.
    const first = /^[^,:| ;&]*/.exec(value)?.[0] ?? ''
    const values = name === 'path' && first.includes('..') ? [value, first] : [value]
    return isAllowed === undefined || !values.every((each) => isAllowed(each))
  })
}

const PRIVATE_QUERIES = ['dir://h.example/list?path=private/**', 'db://h.example/t?table=secret']
export const OPEN_QUERIES = ['dir://h.example/list?**', 'db://h.example/t?**']

/** Whether a server finds what {@link judgeQuery} closes. */
export function isClosedParameter(uri: string, [name, value]: Parameter): boolean {
  if (uri.startsWith('db:')) return name === 'table' && value === 'secret'
  const path = posix.normalize(value).replace(/^\/+/, '')
  return uri.startsWith('dir:') && name === 'path' && path.startsWith('private/')
}

const nobody = { scopes: [], claims: {} } as unknown as VerifiedAccessToken

type Verdict = 'open' | 'closed' | 'refused'

function createJudge(opening: readonly string[], unmatched: 'deny' | 'base') {
  const { policy, problems } = checkPolicy({
    rules: [
      { resources: opening, scopes: [] },
      { resources: [...CLOSING, ...PRIVATE_QUERIES], scopes: ['closed'] },
    ],
    unmatched,
  })
  if (problems.length > 0) throw new Error(JSON.stringify(problems))
  const compiled = new RulePolicy(policy)
  return (uri: string): Verdict => {
    const operations = operationsOf('resources/read', { uri })
    if (operations instanceof UnclearOperation) return 'refused'
    const [operation] = operations
    if (operation === undefined || compiled.isOfForeignUser(operation)) return 'refused'
    const { denial, scopes } = compiled.authorize(operation, nobody)
    return denial === undefined && scopes.length === 0 ? 'open' : 'closed'
  }
}

const judges = new Map<string, (uri: string) => Verdict>()

/** What a policy makes of a URI: `open` where a token without scopes may read it. */
export function judgeUri(
  uri: string,
  opening: readonly string[],
  unmatched: 'deny' | 'base',
): Verdict {
  const key = JSON.stringify([opening, unmatched])
  const judge = judges.get(key) ?? createJudge(opening, unmatched)
  judges.set(key, judge)
  return judge(uri)
}

function attempt(read: () => string): string[] {
  try {
    return [read()]
  } catch {
    return []
  }
}

/** Paths as the readers of Node find them. */
export function readingsOfNode(uri: string): readonly string[] {
  const pathOf = () => decodeURIComponent(new URL(uri).pathname)
  const without = /^[^:]*:(?:\/\/[^/?#]*)?([^?#]*)/.exec(uri)?.[1] ?? ''
  const raw = [...attempt(() => new URL(uri).pathname), without]
  return [
    ...attempt(() => fileURLToPath(uri)),
    ...attempt(pathOf),
    ...attempt(() => decodeURIComponent(without)),
    // Servers for Java drop the parameters of all segments, before or after they decode.
    ...raw.flatMap((path) => attempt(() => decodeURIComponent(path.replace(/;[^/]*/g, '')))),
    ...raw.flatMap((path) => attempt(() => decodeURIComponent(path).replace(/;[^/]*/g, ''))),
  ].map((path) =>
    posix
      .normalize(path)
      .replace(/(?<=.)\/$/, '')
      .replace(/^\/+/, '/'),
  )
}

/** Whether a path that a server opens is one that is closed. */
export function isClosedPath(path: string): boolean {
  return path.startsWith('/srv/private/') || path === '/srv/secret/key.pem'
}

/** Of other schemes than `file` another host has other resources. */
export function isOfClosedPlace(uri: string): boolean {
  if (/^file:/i.test(uri)) return true
  try {
    const { protocol, host } = new URL(uri)
    return host.replace(/\.$/, '') === 'h.example' && (protocol === 'https:' || protocol === 'db:')
  } catch {
    return false
  }
}
