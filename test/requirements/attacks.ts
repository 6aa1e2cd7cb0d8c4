/**
 * What attacks broke around the kernel, and must not break again. The ids are ours: `ATK-05` is the fifth kind that
 * was found. The reference of requirements does not have them.
 */
import type { Requirement } from './requirements.js'

export const ATTACKS: Readonly<Record<string, Requirement>> = {
  'ATK-01': {
    level: 'D',
    text: 'No connection ends the process: every socket, stream and child has a listener for its errors from the start, and a throw in dispatch is a 500',
    status: 'tested',
  },
  'ATK-02': {
    level: 'D',
    text: 'A body on GET, HEAD or DELETE is 400 at the gateway, with and without a policy',
    status: 'tested',
  },
  'ATK-03': {
    level: 'D',
    text: 'A POST body that does not begin as JSON is 400 before a byte is forwarded; an upstream connection whose answer came before the request was sent is not used again',
    status: 'tested',
  },
  'ATK-04': {
    level: 'D',
    text: 'The head is read once, for every backend; a Connection field that nominates a field that we read or set is 400; a version older than the one in the body is a mismatch',
    status: 'tested',
  },
  'ATK-05': {
    level: 'D',
    text: 'Requests after an answer that closes the connection are not executed; query names are compared as lenient servers read them; answers lose fields that act on the whole origin; the admin port checks Host',
    status: 'tested',
  },
  'ATK-06': {
    level: 'D',
    text: 'A request whose connection has ended is completed once, whatever it waited for; no state machine writes after its end',
    status: 'tested',
  },
  'ATK-07': {
    level: 'D',
    text: 'No caller takes what the others need: children, requests under way, bytes, time, log pipes',
    status: 'tested',
  },
  'ATK-08': {
    level: 'D',
    text: 'A shutdown tells clients to close, and meets no request with a reset',
    status: 'tested',
  },
  'ATK-09': {
    level: 'D',
    text: 'Processes of a command that left its group end with it or are named; check shows no secret in URLs and arguments',
    status: 'tested',
  },
  'ATK-10': {
    level: 'D',
    text: 'URIs are judged by their components, as servers take them apart, in linear time',
    status: 'tested',
  },
  'ATK-11': {
    level: 'D',
    text: 'What is judged is application/json, alone or with one charset=utf-8, in every host; a parsed body that differs from the judged bytes is refused',
    status: 'tested',
  },
  'ATK-12': {
    level: 'D',
    text: 'With a policy a body is judged or refused, whatever the method',
    status: 'tested',
  },
  'ATK-13': {
    level: 'D',
    text: 'Methods and names hold no control characters; member names that a lenient parser takes for one are twins',
    status: 'tested',
  },
  'ATK-14': {
    level: 'D',
    text: 'A rule of a policy that cannot mean what it says is a problem with line and column',
    status: 'tested',
  },
  'ATK-15': {
    level: 'D',
    text: 'HTTP/2, disguised paths, deep claims, forged log lines and queries in resource: each has its one right answer',
    status: 'tested',
  },
  'ATK-16': {
    level: 'D',
    text: 'An introspection fault for one token is 503 for that token alone',
    status: 'tested',
  },
  'ATK-17': {
    level: 'D',
    text: 'A hanging introspection endpoint costs no more than the wait; answers and back-off use a steady clock',
    status: 'tested',
  },
  'ATK-18': {
    level: 'D',
    text: 'An introspected JWT passes its own cnf, nbf, exp and typ and those of the answer',
    status: 'tested',
  },
  'ATK-19': {
    level: 'D',
    text: 'On Workers an implementation that throws is no bad signature, and no request waits for a promise of another',
    status: 'tested',
  },
  'ATK-20': {
    level: 'D',
    text: 'A line of a stdio child counts only with "jsonrpc":"2.0"; a POST without it is refused for a command',
    status: 'tested',
  },
  'ATK-21': {
    level: 'D',
    text: 'A body that is kept costs little more than its bytes, however small the pieces in which it arrives',
    status: 'tested',
  },
  'ATK-22': {
    level: 'D',
    text: 'What a server elsewhere names is not asked on this machine or in a private network: `doctor` tells that it was not, `login` ends',
    status: 'tested',
  },
  'ATK-23': {
    level: 'D',
    text: 'What `doctor` and `login` read of a foreign server has a bound in bytes and in time, in pieces of any size',
    status: 'tested',
  },
  'ATK-24': {
    level: 'D',
    text: 'A token that no header field can carry ends the login, and is in no error',
    status: 'tested',
  },
  'ATK-25': {
    level: 'D',
    text: 'What an audit keeps of a body that it overheard counts against its caller until the request ends',
    status: 'tested',
  },
  'ATK-26': {
    level: 'D',
    text: 'With `soleAudience` an introspected JWT names no other audience itself, whatever the answer leaves out; with another claim than aud it is a problem',
    status: 'tested',
  },
  'ATK-27': {
    level: 'D',
    text: 'An unpublished issuer at which everybody gets tokens needs a claim that names an owner: no branch, event or environment, and no star in the name',
    status: 'tested',
  },
  'ATK-28': {
    level: 'D',
    text: 'A caller fills no line of the log: a client id beyond 2,000 characters is cut, though it is a URL',
    status: 'tested',
  },
}
