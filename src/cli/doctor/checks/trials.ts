/**
 * What came of the registrations and logins of `--try-registration`.
 *
 * @module
 */
import type { Client } from '../../../advice/clients.js'
import { quoted } from '../../../errors.js'
import type { Findings } from '../finding.js'
import type { Trial } from '../registration-trial.js'

/** One finding for each reason. It stops the clients that met that reason. */
function noteRefusals(
  trials: readonly Trial[],
  reasonOf: (trial: Trial) => string | undefined,
  note: (reason: string, names: ReadonlySet<string>) => void,
): void {
  for (const reason of new Set(trials.flatMap((trial) => reasonOf(trial) ?? []))) {
    const refused = trials.filter((trial) => reasonOf(trial) === reason)
    note(reason, new Set(refused.map(({ client }) => client.name)))
  }
}

/** @param hint an endpoint of the server, which may show its product */
export function checkTrials(
  issuer: string,
  trials: readonly Trial[],
  findings: Findings,
  hint: unknown,
): void {
  noteRefusals(
    trials,
    ({ refusal }) => refusal,
    (reason, names) => {
      const seen = `The registration endpoint ${reason}.`
      findings.add('registration-refused', issuer, seen, ({ name }) => names.has(name), hint)
    },
  )
  noteRefusals(
    trials,
    ({ loginRefusal }) => loginRefusal,
    (reason, names) => {
      const seen = `The authorization endpoint ${reason}, before anybody logs in.`
      findings.add('login-refused', issuer, seen, ({ name }) => names.has(name), hint)
    },
  )
  noteRefusals(
    trials,
    ({ portRefusal }) => portRefusal,
    (reason, names) => {
      const seen = `The authorization endpoint ${reason} if the port is not the registered one.`
      // A program that keeps its client id, but takes any free port, meets this at its second login.
      const fails = ({ name }: Client) => (names.has(name) ? undefined : false)
      findings.add('login-port', issuer, seen, fails, hint)
    },
  )
  for (const { left, client } of trials) {
    if (left === undefined) continue
    const seen = `The client ${quoted(left)}, registered as ${client.title}, could not be removed.`
    findings.add('registration-stays', issuer, seen)
  }
}
