/**
 * Who connects, who does not, and why.
 *
 * @module
 */
import type { Client, Registration } from '../../advice/clients.js'
import type { JsonObject } from '../../base/json.js'
import { registrationOf } from './checks/registration.js'
import type { Finding } from './finding.js'

/**
 * `yes`: nothing that is known stops it. `with a client id`: people have to type one. `unknown`: it is
 * not known whether something that was found stops this client.
 */
export type Connects = 'yes' | 'with a client id' | 'unknown' | 'no'

export interface Verdict {
  readonly client: string
  readonly title: string
  readonly connects: Connects
  /** How it registers here. `undefined`: that is not known. */
  readonly registration: Registration | undefined
  /** The titles of the findings that stop it, or may stop it. */
  readonly why: readonly string[]
}

/** @param document of the authorization server, if it has one */
export function verdictOf(
  client: Client,
  findings: readonly Finding[],
  document: JsonObject | undefined,
): Verdict {
  const { name, title } = client
  const of = (member: 'breaks' | 'mayBreak') => [
    ...new Set(findings.filter((each) => each[member].includes(name)).map((each) => each.title)),
  ]
  const [breaks, mayBreak] = [of('breaks'), of('mayBreak')]
  const registration = document && registrationOf(client, document)
  const base = { client: name, title, registration }
  if (breaks.length > 0) return { ...base, connects: 'no', why: breaks }
  if (mayBreak.length > 0) return { ...base, connects: 'unknown', why: mayBreak }
  return { ...base, connects: registration === 'manual' ? 'with a client id' : 'yes', why: [] }
}
