/** Rules of introspection, broken on purpose. */
import type { Fault } from './faults.js'

const tests = ['introspect']

export const INTROSPECTION_FAULTS: readonly Fault[] = [
  {
    id: 'inactive-accepted',
    breaks: 'INT-02',
    find: "if (claims['active'] !== true) {",
    replace: "if (claims['active'] === 'never') {",
    tests,
  },
  {
    id: 'answer-of-another-issuer',
    breaks: 'INT-03',
    find: 'if (iss !== undefined && iss !== issuer) {',
    replace: "if (iss === 'never') {",
    tests,
  },
  {
    id: 'refresh-token-by-its-type',
    breaks: 'INT-03, CASE-4',
    find: '/^(?:bearer|dpop)$/i.test(type)',
    replace: "type !== ''",
    tests,
  },
  {
    id: 'bound-token-by-its-type',
    breaks: 'INT-06',
    find: 'cnf !== undefined || (typeof type',
    replace: "cnf !== undefined || (type === 'never' && typeof type",
    tests,
  },
  {
    id: 'own-rejection-is-401',
    breaks: 'INT-02, CASE-26',
    find: "error === 'invalid_token' && !answer.byBearer) return 'inactive'",
    replace:
      "error === 'invalid_token') return 'inactive'\n  if (status === 401) return 'inactive'",
    tests,
  },
  {
    id: 'answer-kept-past-the-end',
    breaks: 'INT-04',
    find: 'isGood ? Math.min(cacheFor, end - at)',
    replace: 'isGood ? cacheFor',
    tests,
  },
  {
    id: 'call-for-every-request',
    breaks: 'INT-05, CASE-28',
    find: 'waitFor(underWay.get(digest) ?? ',
    replace: 'waitFor(underWay.get(digest + Math.random()) ?? ',
    tests: ['introspect'],
  },
  {
    id: 'strangers-take-all-slots',
    breaks: 'CASE-29',
    find: '(isKnown || busyStrangers < forStrangers)',
    replace: '(isKnown || busyStrangers < total)',
    tests,
  },
  {
    id: 'a-call-for-every-fault',
    breaks: 'INT-02',
    find: 'return health.mayCall(isKnown) ? undefined : health.fault()',
    replace: 'return health.mayCall(isKnown) || isKnown ? undefined : undefined',
    tests,
  },
  {
    id: 'foreign-jwt-shown-around',
    breaks: 'TOK-07',
    find: "if (trusted === undefined) return untrusted(jwt.claims['iss'])\n    if (trusted.validation",
    replace:
      "if (trusted === undefined) { const first = issuerOfOpaque(token); return first === undefined ? untrusted(jwt.claims['iss']) : ask(first, token, undefined) }\n    if (trusted.validation",
    tests,
  },
  {
    id: 'any-opaque-token-is-asked-about',
    breaks: 'CASE-29',
    find: '(tokenPrefix === undefined || token.startsWith(tokenPrefix))',
    replace: 'true',
    tests,
  },
  {
    id: 'answer-remembered-for-ever',
    breaks: 'INT-05',
    find: 'return introspection.validUntil > steadyNow()',
    replace: 'return true',
    tests,
  },
  {
    id: 'audience-claim-alone',
    breaks: 'AUD-05',
    find: 'if (scopes.length === 0) {',
    replace: 'if (scopes.length < 0) {',
    tests,
  },
  {
    id: 'id-token-claims-let-through',
    breaks: 'JWT-02',
    find: 'return acceptIdTokenClaims ? FOREIGN_CLAIMS : [...FOREIGN_CLAIMS, ...ID_TOKEN_CLAIMS]',
    replace: 'return FOREIGN_CLAIMS',
    tests,
  },
  {
    id: 'secret-beside-the-command',
    breaks: 'GW-08',
    find: 'ALL.filter(({ secret }) => secret !== true)',
    replace: 'ALL.filter(() => true)',
    tests: ['config/credentials.test.ts'],
  },
  {
    id: 'long-absence-after-an-outage',
    breaks: 'INT-02, CASE-24',
    find: 'backOff(attempts, LONGEST_ABSENCE)',
    replace: 'backOff(attempts)',
    tests,
  },
  {
    id: 'new-name-of-ed25519',
    breaks: 'INT-01',
    find: "header['alg'] = alg ?? 'EdDSA'",
    replace: "header['alg'] = alg ?? 'Ed25519'",
    tests,
  },
  {
    id: 'introspector-made-again',
    breaks: 'INT-01',
    find: 'return put.map(({ site }) => site)',
    replace: 'return sites.slice(0, put.length)',
    tests: ['gateway/options.test.ts'],
  },
  {
    id: 'introspector-made-of-wrong-options',
    breaks: 'INT-01',
    find: 'return { settings: problems.length > 0 ? undefined : settings, problems }',
    replace: 'return { settings, problems }',
    tests: ['rs/options.test.ts'],
  },
  {
    id: 'missing-issuer-hides-the-rest',
    breaks: 'contract, "Settings": all problems at once',
    find: 'const isNamed = checkIssuerName(checker, issuerPath, issuer, allowHttp)',
    replace:
      'const isNamed = checkIssuerName(checker, issuerPath, issuer, allowHttp)\n  if (!isNamed) return undefined',
    tests: ['rs/options.test.ts'],
  },
]
