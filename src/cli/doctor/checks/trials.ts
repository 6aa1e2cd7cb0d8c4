/**
 * What came of registrations that somebody asked the doctor to try.
 *
 * @module
 */
import { quoted } from '../../../errors.js'
import type { Findings } from '../finding.js'
import type { Trial } from '../registration-trial.js'

export function checkTrials(issuer: string, trials: readonly Trial[], findings: Findings): void {
  const refusals = new Set(trials.flatMap(({ refusal }) => refusal ?? []))
  for (const refusal of refusals) {
    const refused = trials.filter((trial) => trial.refusal === refusal)
    const names = new Set(refused.map(({ client }) => client.name))
    const seen = `The registration endpoint ${refusal}.`
    findings.add('registration-refused', issuer, seen, ({ name }) => names.has(name))
  }
  for (const { left, client } of trials) {
    if (left === undefined) continue
    const seen = `The client ${quoted(left)}, registered as ${client.title}, could not be removed.`
    findings.add('registration-stays', issuer, seen)
  }
}
