/** Identities of every kind: whose tokens and keys are accepted, and what they are asked for. The ids are ours. */
import type { Requirement } from './requirements.js'

function tested(text: string): Requirement {
  return { level: 'D', text, status: 'tested' }
}

export const IDENTITIES: Readonly<Record<string, Requirement>> = {
  'IDN-01': tested(
    'Scopes that metadata and challenges name, and scopes that tokens hold, are two things: by `advertiseScopes`, by a prefix of the issuer, by both forms in a policy; two scopes are never asked for in the same words',
  ),
  'IDN-02': tested(
    'With `soleAudience` a token names no audience but the accepted ones and those of `alsoAudience`, which alone open nothing',
  ),
  'IDN-03': tested(
    'An issuer that is not published is accepted and never named in the metadata; it needs claims that say whose tokens, or `anySubject`, which no issuer may have at which everybody gets tokens',
  ),
  'IDN-05': tested(
    'Claims reach the upstream as the operator names them, encoded like who is calling; a client cannot send them, and what is no text, number or list of these is left out and told',
  ),
  'IDN-06': tested(
    'A rule may limit how often its operations are used, by a person, a client or for each tool: 429 with the time to wait, each message of a batch counts, nothing beyond is forwarded, and a new identity never resets the bucket of another',
  ),
  'IDN-07': tested(
    'A path for load balancers answers 200 about this process without a token, and never at or below a resource',
  ),
  'IDN-04': tested(
    'In the value of a required claim `*` stands for text without `/` and `:`; a path may go through names with dots',
  ),
  'IDN-20': tested(
    'Where every rule that names an operation is anonymous, it needs no token; `initialize`, `ping` and lists need none then. Everything else, also in a batch, gets the same challenge as at a resource without such rules',
  ),
  'IDN-21': tested('A credential that is there is never anonymous: a bad one is refused'),
  'IDN-22': tested(
    'A session that began without a token is 404 with one, and the session of a user is 401 without one; a stream or its end without a token needs a session that began so',
  ),
  'IDN-23': tested(
    'The upstream and a command learn no identity of a caller without a token; audit, log and metrics say that there was none',
  ),
  'IDN-24': tested(
    'Commands for callers without a token have a limit of their own, and neither side takes a place of the other',
  ),
  'IDN-25': tested(
    'Callers without a token are limited by address, users are not concerned; who sends what cannot be read must wait',
  ),
  'IDN-26': tested(
    'An address is the peer of the connection, or the last entry of `X-Forwarded-For` that is no trusted proxy, if the peer is one; IPv6 counts by /64, and what cannot be read counts as the peer',
  ),
  'IDN-27': tested(
    'With anonymous rules a list of tools says of each which login it needs (`securitySchemes`); a caller without a token is shown what needs none, and the tools that a login opens; what is remembered for one side is never shown to the other',
  ),
  'IDN-28': tested(
    'A refusal of one call of a tool that a login or a scope would cure may be the result of the tool, with the bytes of the challenge, for clients that need it; everything else keeps its status, and audit and metrics count 401 or 403',
  ),
  'IDN-29': tested(
    'An anonymous rule has no scopes, claims or methods; without keys for sessions, or with a command and no children for such callers, it is a problem at the start, and no policy without such rules is replaced by one with them',
  ),
}
