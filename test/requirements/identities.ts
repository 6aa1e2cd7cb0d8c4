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
  'IDN-04': tested(
    'In the value of a required claim `*` stands for text without `/` and `:`; a path may go through names with dots',
  ),
}
