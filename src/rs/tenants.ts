/**
 * An issuer with a list of tenants: each tenant is an issuer of its own.
 *
 * @module
 */
import { isJsonObject, type JsonObject } from '../base/json.js'
import type { OptionChecker, OptionPath } from '../base/option-checker.js'
import { TENANT } from '../discovery/tenants.js'

/** One tenant of an entry; of an entry without tenants, the entry itself. */
export interface TenantEntry {
  readonly entry: unknown
  readonly tenant: string | undefined
}

/** As `tid` and the issuer spell it. Domain names stand in neither. */
const TENANT_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const TENANT_HINT = 'the directory (tenant) id in lower case: 9f2b6d1e-6a0f-4a3c-8d2e-3b1a5c7d9e10'
/** Everybody can have an account there. */
const PERSONAL_ACCOUNTS = '9188040d-6c67-4c5b-b112-36a304b66dad'

/** Entra's names for several tenants. No token has them in its issuer. */
const SHARED =
  /^https:\/\/login\.(?:microsoftonline\.(?:com|us)|partner\.microsoftonline\.cn)\/(?:common|organizations|consumers)(?:\/|$)/

/** The members in which the template may stand. */
const TEMPLATES = ['issuer', 'discoveryUrl', 'jwksUri'] as const

function isTemplate(value: unknown): value is string {
  return typeof value === 'string' && value.split(TENANT).length === 2
}

/** An issuer that no token can name, unless a list says which tenants are meant. */
function checkWithoutTenants(checker: OptionChecker, path: OptionPath, entry: unknown): void {
  const issuer = isJsonObject(entry) ? entry['issuer'] : entry
  if (typeof issuer !== 'string' || !(isTemplate(issuer) || SHARED.test(issuer))) return
  const where = isJsonObject(entry) ? [...path, 'issuer'] : path
  const hint = `name one tenant in it, or write ${TENANT} there and list the ids in ${checker.nameOf('tenants')}`
  checker.problem(where, 'stands for many tenants, and no token names it', hint)
}

function checkTenant(checker: OptionChecker, path: OptionPath, tenant: string): void {
  if (!TENANT_ID.test(tenant)) {
    checker.problem(path, 'must be ids of tenants', TENANT_HINT)
  } else if (tenant === PERSONAL_ACCOUNTS) {
    const hint = 'give it an entry of its own among the issuers'
    checker.problem(path, 'has the tenant of personal accounts, which everybody can have', hint)
  }
}

function checkTenants(checker: OptionChecker, path: OptionPath, server: JsonObject): void {
  const where = [...path, 'tenants']
  const tenants = checker.texts(where, server['tenants']) ?? []
  for (const tenant of tenants) checkTenant(checker, where, tenant)
  if (new Set(tenants).size < tenants.length) checker.problem(where, 'names one twice', 'keep one')
  const { issuer, authorizationServer } = server
  if (authorizationServer !== undefined) {
    const hint = 'the issuer of each tenant is its authorization server'
    checker.problem([...path, 'authorizationServer'], 'excludes tenants', hint)
  }
  if (!isTemplate(issuer)) {
    const hint = `https://login.microsoftonline.com/${TENANT}/v2.0`
    checker.problem([...path, 'issuer'], `must contain ${TENANT} once`, hint)
  }
}

/** The entry for one tenant. The metadata names the first: clients log in at one place. */
function entryFor(server: JsonObject, tenant: string, isFirst: boolean): JsonObject {
  const { tenants: _tenants, ...shared } = server
  const named = TEMPLATES.flatMap((name) => {
    const value = server[name]
    return typeof value === 'string' ? [[name, value.replace(TENANT, tenant)]] : []
  })
  return { ...shared, ...Object.fromEntries(named), ...(!isFirst && { published: false }) }
}

/** The issuers that one entry of the configuration stands for. */
export function readTenants(
  checker: OptionChecker,
  path: OptionPath,
  entry: unknown,
): readonly [TenantEntry, ...TenantEntry[]] {
  if (!isJsonObject(entry) || entry['tenants'] === undefined) {
    checkWithoutTenants(checker, path, entry)
    return [{ entry, tenant: undefined }]
  }
  checkTenants(checker, path, entry)
  const given = entry['tenants']
  const tenants = (Array.isArray(given) ? given : [given]).map(String)
  const [first = '', ...others] = tenants
  return [
    { entry: entryFor(entry, first, true), tenant: first },
    ...others.map((tenant) => ({ entry: entryFor(entry, tenant, false), tenant })),
  ]
}
