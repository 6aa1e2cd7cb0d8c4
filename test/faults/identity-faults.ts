/** Rules about identities of every kind, broken on purpose. */
import type { Fault } from './faults.js'

const scopes = ['rs/asked-scopes.test.ts']
const unpublished = ['rs/unpublished.test.ts']
const audiences = ['rs/sole-audience.test.ts']

export const IDENTITY_FAULTS: readonly Fault[] = [
  {
    id: 'challenges-name-required-scopes',
    breaks: 'IDN-01',
    find: 'scopes === undefined ? askedScopes.ofBase : askedScopes.of(scopes)',
    replace: 'scopes === undefined ? askedScopes.ofBase : scopes',
    tests: scopes,
  },
  {
    id: 'metadata-names-required-scopes',
    breaks: 'IDN-01',
    find: 'const advertised = new AskedScopes(askedScopes).with(asks).ofBase',
    replace: 'const advertised = scopes',
    tests: scopes,
  },
  {
    id: 'metadata-without-the-forms-of-the-policy',
    breaks: 'IDN-01',
    find: 'new AskedScopes(askedScopes).with(asks).ofBase',
    replace: 'new AskedScopes(askedScopes).ofBase',
    tests: scopes,
  },
  {
    id: 'forms-of-the-old-policy',
    breaks: 'IDN-01',
    find: 'this.#options.askedScopes.use(policy.asks)',
    replace: '',
    tests: scopes,
  },
  {
    id: 'twins-of-the-next-policy',
    breaks: 'IDN-01',
    find: 'checkTwins(checker, path, askedScopes, checked)',
    replace: '',
    tests: scopes,
  },
  {
    id: 'twins',
    breaks: 'IDN-01',
    find: 'if (other !== undefined && other !== scope) return [other, scope]',
    replace: '',
    tests: scopes,
  },
  {
    id: 'one-ask-for-two-scopes',
    breaks: 'IDN-01',
    find: "this.problem(path, message, 'nobody could tell which one a client asks for')",
    replace: '',
    tests: scopes,
  },
  {
    id: 'issuers-with-different-prefixes',
    breaks: 'IDN-01',
    find: 'if (new Set(prefixes).size < 2) return',
    replace: 'if (drafts.length > 0) return',
    tests: scopes,
  },
  {
    id: 'a-prefix-before-openid',
    breaks: 'IDN-01',
    find: 'const isWhole = OF_OPENID.has(scope) || scope.startsWith(this.#prefix)',
    replace: 'const isWhole = false',
    tests: scopes,
  },
  {
    id: 'offline-access-in-a-rule',
    breaks: 'IDN-01',
    find: "if (scopes.includes('offline_access')) {\n      const hint = 'it requests",
    replace: "if (scopes.includes('offline_acces')) {\n      const hint = 'it requests",
    tests: scopes,
  },
  {
    id: 'others-in-the-audience',
    breaks: 'IDN-02',
    find: 'return checkSoleAudience(facts, requirements)',
    replace: 'return undefined',
    tests: audiences,
  },
  {
    id: 'also-audience-opens',
    breaks: 'IDN-02',
    find: 'if (!facts.audience.some((entry) => requirements.audience.has(entry))) {',
    replace:
      'if (!facts.audience.some((entry) => requirements.audience.has(entry) || requirements.alsoAudience?.has(entry))) {',
    tests: audiences,
  },
  {
    id: 'also-audience-without-effect',
    breaks: 'IDN-02',
    find: 'return soleAudience === true || alsoAudience !== undefined ?',
    replace: 'return soleAudience === true ?',
    tests: audiences,
  },
  {
    id: 'unpublished-in-the-metadata',
    breaks: 'IDN-03',
    find: 'authorization_servers: published.map(',
    replace: 'authorization_servers: issuers.map(',
    tests: unpublished,
  },
  {
    id: 'unpublished-takes-everybody',
    breaks: 'IDN-03',
    find: 'if (!takesAnybody && !tellsApart(requiredClaims, known)) {',
    replace: 'if (!takesAnybody && Object.keys(requiredClaims).length === 0) {',
    tests: unpublished,
  },
  {
    id: 'any-subject-of-the-public',
    breaks: 'IDN-03',
    find: 'if (takesAnybody && known !== undefined) {',
    replace: 'if (takesAnybody && known !== undefined && path.length > 9) {',
    tests: unpublished,
  },
  {
    id: 'publication-of-a-whole-resource',
    breaks: 'IDN-03',
    find: "perIssuer !== 'alone' && perResource !== undefined && secret !== true,",
    replace: 'perResource !== undefined && secret !== true,',
    tests: ['config/config-file.test.ts'],
  },
  {
    id: 'nobody-published',
    breaks: 'IDN-03',
    find: 'if (drafts.length > 0 && drafts.every(({ isPublished }) => !isPublished)) {',
    replace: 'if (drafts.length > 9) {',
    tests: unpublished,
  },
  {
    id: 'stars-cross-separators',
    breaks: 'IDN-04',
    find: "} else if (star >= 0 && !SEPARATORS.has(value[from] ?? '')) {",
    replace: '} else if (star >= 0) {',
    tests: [...unpublished, 'token/claim-pattern.test.ts'],
  },
  {
    id: 'only-one-star',
    breaks: 'IDN-04',
    find: ';[star, from] = [at, position]',
    replace: 'if (star < 0) [star, from] = [at, position]',
    tests: ['token/claim-pattern.test.ts'],
  },
]
