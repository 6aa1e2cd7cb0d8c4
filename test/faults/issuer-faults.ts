/** Rules about single issuers and their documents, broken on purpose. */
import type { Fault } from './faults.js'

const tenants = ['rs/tenants.test.ts']
const groups = ['config/policy-file.test.ts']

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
]
