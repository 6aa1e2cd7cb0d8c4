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
  'IDN-30': tested(
    'An issuer that is a template is trusted for the listed tenants alone: `tid` equals the tenant of `iss`, each tenant is an issuer of its own for principals, the metadata names the first; a template, `common` or `organizations` without a list does not start',
  ),
  'IDN-31': tested(
    'With tenants, a key that names an issuer verifies tokens of that issuer alone; the template stands for every tenant',
  ),
  'IDN-32': tested(
    'Groups that a token leaves out (`_claim_names`, `hasgroups`) refuse only where a rule that decides the request reads them, and the operator learns the remedy',
  ),
  'IDN-33': tested(
    'A policy may name groups: a rule about groups takes these names alone, and an unknown one is a problem with its place',
  ),
  'IDN-34': tested(
    'A token for documents of an issuer is sent only to origins that the configuration names: never to an address that a document or a redirect names, never with a request that has credentials, never by plain HTTP except to loopback; it is read again when its file changes',
  ),
  'IDN-35': tested(
    'Certificates of an issuer are trusted for that issuer alone, besides the shared ones',
  ),
  'IDN-36': tested(
    'An issuer may have an authorization server of another name: its metadata must name that one, ours sends clients there, and `access_token_issuer`, where it is, must equal the issuer, whose own name is never fetched',
  ),
  'IDN-04': tested(
    'In the value of a required claim `*` stands for text without `/` and `:`; a path may go through names with dots',
  ),
}
