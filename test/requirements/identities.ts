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
    'Claims reach the upstream as the operator names them, encoded like who is calling; a client cannot send them, and a claim that is not a text, a number or a list of these is left out and told',
  ),
  'IDN-06': tested(
    'A rule may limit how often its operations are used, by a person, a client or for each tool: 429 with the time to wait, each message of a batch counts, nothing beyond is forwarded, and a new identity never resets the bucket of another',
  ),
  'IDN-07': tested(
    'A path for load balancers answers 200 about this process without a token and whatever the Host, and never at or below a resource',
  ),
  'IDN-08': tested(
    'Both forms of the last slash of a resource reach it and its metadata in every host; one is published, and the log says once that strict clients refuse the other',
  ),
  'IDN-09': tested(
    'A resource may be served at another path than the published one; two resources never share a place; a second public name is a resource of its own, which the host selects among what is configured',
  ),
  'IDN-10': tested(
    'An API key has a prefix, 256 random bits and a checksum; one other character is noticed without any list',
  ),
  'IDN-11': tested(
    'In every host a key opens what its entry says until it ends, and is never introspected or read as a JWT; a changed, unknown, revoked or ended key, one of another prefix or resource, is 401, one without the scope 403',
  ),
  'IDN-12': tested(
    'The principal of a key has an issuer of its own, so that no key is taken for a person of a provider; its id is the client',
  ),
  'IDN-13': tested(
    'The file of keys holds digests alone; its problems have line and column; it is refused if others may write it; it is watched, and a broken new one changes nothing',
  ),
  'IDN-14': tested(
    'A new key is printed once; a key ends after 90 days unless told otherwise, and a key without an end is warned about; what else stands in the file stays',
  ),
  'IDN-15': tested(
    'A key that was revoked is refused at its next request, and its open streams end within a minute',
  ),
  'IDN-16': tested(
    'A limit may count API keys; one person with ten clients and ten keys takes nothing from the limits of others',
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
  'IDN-37': tested(
    'With `mirrorMetadata` the document of the first published issuer is served byte for byte at every form of `/.well-known/oauth-authorization-server`, by one fetch for each age; nothing that a client sends changes it; without a document within its age the answer is 503; off by default',
  ),
  'IDN-38': tested(
    'No document of another issuer, with an address that is not https at any depth, or that parsers could read differently is mirrored: 502, and the operator learns why',
  ),
  'IDN-04': tested(
    'In the value of a required claim `*` stands for text without `/` and `:`; a path may go through names with dots',
  ),
  'IDN-20': tested(
    'Where every rule that names an operation is anonymous, it needs no token; `initialize`, `ping` and lists need none then. Everything else, also in a batch, gets the same challenge as at a resource without such rules. An open stream ends with the anonymous rules, or after ten minutes',
  ),
  'IDN-21': tested('A credential that is there is never anonymous: a bad one is refused'),
  'IDN-22': tested(
    'A session that began without a token is 404 with one, and the session of a user is 401 without one; a stream or its end without a token needs a session that began so',
  ),
  'IDN-23': tested(
    'The upstream and a command learn no identity of a caller without a token; audit, log and metrics say that there was none; what a command says to one of them reaches no other, and none cancels a call of another',
  ),
  'IDN-24': tested(
    'Commands for callers without a token have a limit of their own, and neither side takes a place of the other; nor does one address end what belongs to another',
  ),
  'IDN-25': tested(
    'Callers without a token are limited by address, from the arrival of a request on, and one address leaves places for the others; users are not concerned; who sends what cannot be read must wait',
  ),
  'IDN-26': tested(
    'An address is the peer of the connection, or the last entry of `X-Forwarded-For` that is not a trusted proxy, if the peer is one; IPv6 counts by /64, and what cannot be read counts as the peer',
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
