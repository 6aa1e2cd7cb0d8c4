/**
 * Issuers that are the same service for several tenants, each with a name of its own (Entra).
 *
 * @module
 */
import { isJsonObject } from '../base/json.js'
import { quoted } from '../errors.js'

/** Stands for the id of a tenant, in the issuer of metadata and keys and in our configuration. */
export const TENANT = '{tenantid}'

/**
 * Why a member of a key set does not verify tokens of a tenant: keys may name the issuer whose
 * tokens they sign. One that names none, or the template, is for every tenant.
 *
 * @param tenant `undefined` for issuers without tenants, whose keys may have such a member as well
 */
export function foreignKeyReason(
  member: unknown,
  issuer: string,
  tenant: string | undefined,
): string | undefined {
  if (tenant === undefined || !isJsonObject(member)) return undefined
  const named = member['issuer'] ?? issuer
  if (typeof named === 'string' && named.replace(TENANT, tenant) === issuer) return undefined
  return `for tokens of ${quoted(named)}`
}
