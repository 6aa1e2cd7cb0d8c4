/** Rules about single issuers and their documents, broken on purpose. */
import type { Fault } from './faults.js'

const tenants = ['rs/tenants.test.ts']
const groups = ['config/policy-file.test.ts']
const documents = ['rs/discovery-token.test.ts']

export const ISSUER_FAULTS: readonly Fault[] = [
  {
    id: 'tid-of-another-tenant',
    breaks: 'IDN-30',
    find: 'return { ...requiredClaims, tid: [tenant] }',
    replace: 'return requiredClaims',
    tests: ['matrix/tenants.test.ts'],
  },
  {
    id: 'every-tenant-published',
    breaks: 'IDN-30',
    find: '...(!isFirst && { published: false })',
    replace: '',
    tests: ['matrix/tenants.test.ts'],
  },
  {
    id: 'template-without-tenants',
    breaks: 'IDN-30',
    find: '!(isTemplate(issuer) || SHARED.test(issuer))',
    replace: '!SHARED.test(issuer)',
    tests: tenants,
  },
  {
    id: 'common-without-tenants',
    breaks: 'IDN-30',
    find: '!(isTemplate(issuer) || SHARED.test(issuer))',
    replace: '!isTemplate(issuer)',
    tests: tenants,
  },
  {
    id: 'one-address-for-all-tenants',
    breaks: 'IDN-30',
    find: "const TEMPLATES = ['issuer', 'discoveryUrl', 'jwksUri'] as const",
    replace: "const TEMPLATES = ['issuer', 'discoveryUrl'] as const",
    tests: tenants,
  },
  {
    id: 'key-of-another-tenant',
    breaks: 'IDN-31',
    find: "if (typeof named === 'string' && named.replace(TENANT, tenant) === issuer) return undefined",
    replace: 'if (named !== undefined) return undefined',
    tests: tenants,
  },
  {
    id: 'key-of-the-template',
    breaks: 'IDN-31',
    find: 'named.replace(TENANT, tenant) === issuer',
    replace: 'named === issuer',
    tests: ['matrix/tenants.test.ts'],
  },
  {
    id: 'left-out-groups-unnamed',
    breaks: 'IDN-32',
    find: 'Object.hasOwn(elsewhere, name)',
    replace: 'elsewhere[name] === undefined',
    tests: tenants,
  },
  {
    id: 'left-out-groups-of-any-claim',
    breaks: 'IDN-32',
    find: "return name === 'groups' && claims['hasgroups'] === true",
    replace: "return claims['hasgroups'] === true",
    tests: ['matrix/left-out-groups.test.ts'],
  },
  {
    id: 'names-of-groups-in-tokens',
    breaks: 'IDN-33',
    find: 'if (ids !== undefined) return ids',
    replace: 'if (ids !== undefined) return [...ids, name]',
    tests: groups,
  },
  {
    id: 'unknown-group-as-id',
    breaks: 'IDN-33',
    find: 'this.problem(place, `${quoted(name)} is not a name in groups`, hint)',
    replace: '',
    tests: groups,
  },
  {
    id: 'token-for-any-origin',
    breaks: 'IDN-34',
    find: 'if (!isDocument || !origins.has(url.origin) || !isSafeForToken(url)) {',
    replace: 'if (!isDocument || !isSafeForToken(url)) {',
    tests: documents,
  },
  {
    id: 'token-by-plain-http',
    breaks: 'IDN-34',
    find: "return protocol === 'https:' || isLoopbackHost(hostname)",
    replace: "return protocol !== '' || isLoopbackHost(hostname)",
    tests: documents,
  },
  {
    id: 'token-with-introspection',
    breaks: 'IDN-34',
    find: "const isDocument = (init?.method ?? 'GET') === 'GET'",
    replace: 'const isDocument = init !== null',
    tests: documents,
  },
  {
    id: 'token-that-cannot-be-sent-is-shown',
    breaks: 'IDN-34',
    find: "if (typeof token === 'string' && discoveryTokenFault(token) === undefined) return token",
    replace: "if (typeof token === 'string') return token",
    tests: documents,
  },
  {
    id: 'keys-reached-with-a-token-are-shared',
    breaks: 'IDN-34',
    find: "if (source.type === 'jwks' || !options.isShared) return create()",
    replace: "if (source.type === 'jwks') return create()",
    tests: ['gateway/resources.test.ts'],
  },
  {
    id: 'old-token-stays',
    breaks: 'IDN-34',
    find: 'if (discoveryToken !== undefined) live.discoveryToken = discoveryToken',
    replace: '',
    tests: ['cli/secret-watch.test.ts'],
  },
  {
    id: 'certificates-of-one-issuer-alone',
    breaks: 'IDN-35',
    find: "createFetch({ ca: `${files.ca ?? ''}\\n${ca}`, proxyEnvironment })",
    replace: 'createFetch({ ca, proxyEnvironment })',
    tests: ['config/issuer-files.test.ts'],
  },
  {
    id: 'certificates-of-an-issuer-unused',
    breaks: 'IDN-35',
    find: 'return { ...server, ...(fetch !== undefined && { fetch }) }',
    replace: 'return server',
    tests: ['config/issuer-files.test.ts'],
  },
]
