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

const nobody = { scopes: [], claims: {} } as unknown as VerifiedAccessToken

type Verdict = 'open' | 'closed' | 'refused'

function createJudge(opening: readonly string[], unmatched: 'deny' | 'base') {
  const { policy, problems } = checkPolicy({
    rules: [
      { resources: opening, scopes: [] },
      { resources: CLOSING, scopes: ['closed'] },
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
  return [
    ...attempt(() => fileURLToPath(uri)),
    ...attempt(pathOf),
    ...attempt(() => decodeURIComponent(without)),
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
