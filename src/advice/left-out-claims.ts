/**
 * Claims that a token leaves out because they have too many values. They explain a refusal, and
 * decide nothing: what a token does not hold, it does not hold.
 *
 * @module
 */
import { isJsonObject, type JsonObject } from '../base/json.js'

/**
 * Whether the token says that the claim stands elsewhere (OpenID Connect Core §5.6.2). Entra does so
 * for users in more than 200 groups.
 *
 * @param path the name, or a dotted path
 */
export function isLeftOut(claims: JsonObject, path: string): boolean {
  const [name = ''] = path.split('.')
  const elsewhere = claims['_claim_names']
  if (isJsonObject(elsewhere) && Object.hasOwn(elsewhere, name)) return true
  return name === 'groups' && claims['hasgroups'] === true
}

/** For the reason of a refusal that such a claim caused. */
export const LEFT_OUT = 'the token leaves it out, because it has too many values'
