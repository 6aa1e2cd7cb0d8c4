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
  'IDN-08': tested(
    'Both forms of the last slash of a resource reach it and its metadata in every host; one is published, and the log says once that strict clients refuse the other',
  ),
  'IDN-09': tested(
    'A resource may be served at another path than the published one; two resources never share a place; a second public name is a resource of its own, which the host selects among what is configured',
  ),
  'IDN-40': tested(
    'At the introspection endpoint we may also be known by a bearer token, by a key in PEM with its kid, and by the key file of Zitadel',
  ),
  'IDN-41': tested(
    'Google and GitHub are asked in their own dialects: what is not active there is 401, what concerns our client is 503, and no part of an answer but the named members is kept',
  ),
  'IDN-42': tested(
    'A token that also opens the APIs of its provider is accepted only with the client id as the only audience and with scopes, and the start says so',
  ),
  'IDN-43': tested(
    'A UserInfo endpoint is refused as introspection endpoint, because it does not say for whom a token is',
  ),
  'IDN-44': tested(
    'Each host says of every kind of credentials, and of their near misses, what the kernel says',
  ),
  'IDN-04': tested(
    'In the value of a required claim `*` stands for text without `/` and `:`; a path may go through names with dots',
  ),
}
