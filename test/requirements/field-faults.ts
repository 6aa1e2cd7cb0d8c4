/**
 * What people who do this job reported, here and at other projects. The ids are ours: `FLD-05` is the fifth kind. The
 * reference of requirements does not have them.
 */
import type { Requirement } from './requirements.js'

function tested(text: string): Requirement {
  return { level: 'D', text, status: 'tested' }
}

export const FIELD_FAULTS: Readonly<Record<string, Requirement>> = {
  'FLD-01': tested(
    'Of several keys under one `kid`, or without, at most eight are tried and the one that verified is remembered; a signature that no key verifies is 503 while newer keys cannot be fetched; keys that are not used are told',
  ),
  'FLD-02': tested(
    'A claim, a member of an answer and a member of a JWK that is null is absent; not so in a JOSE header, inside `cnf`, for `active`, and for `exp` of a JWT',
  ),
  'FLD-03': tested(
    'Each endpoint may be in another of the well-known documents, all of the exact issuer; a form that hangs does not hide the next; an endpoint at the origin of the configured discovery URL is trusted',
  ),
  'FLD-04': tested(
    'In a claim that holds scopes by configuration, entries that cannot be scopes are left out whole and told once; a text is one entry; `scope` and `scp` stay strict',
  ),
  'FLD-05': tested(
    "In the SDK's gate an introspected token without an end passes until its answer ends, at least a minute, and never past its own end",
  ),
  'FLD-06': tested(
    'An origin of an extension or an app, `scheme://host[:port]` in lower case, can be allowed; `null`, `*` and documents that anybody can make cannot; an origin that all apps of a framework share is a warning',
  ),
  'FLD-07': tested(
    'A log names the cause: Bearer twice, https to a port that speaks http, a clock that differs from that of the provider, times in milliseconds, a placeholder in an issuer, a client in place of an audience, the file of every message; private keys of PKCS #1 and SEC 1 are read',
  ),
  'FLD-08': tested(
    'An answer of a command that matches no request is a line in the log; a text that is an integer stands for the number, and an error with the id null for the only request that can be meant; a null error beside a result, and a null result beside an error, are absent; no answer that came is blamed on the time',
  ),
  'FLD-09': tested(
    'An answer of a command that is not UTF-8, not JSON, misformed or too large fails its own request, else the only one that waits, else the session; a line of a log is never an answer',
  ),
  'FLD-10': tested(
    'A request of a command goes to the newest POST under way that can take it, else to the GET stream',
  ),
  'FLD-11': tested(
    'A start whose client left goes on until its first answer, which only a retry of the same caller with the same bytes gets; a command can be run once before the first client, for nobody',
  ),
  'FLD-12': tested(
    'How a command ended is told with its exit code, and before its first answer with the variables that it may have lacked; a line that is no message has a hint where a request waits; process 1 with a command is a warning',
  ),
  'FLD-13': tested(
    'An answer that no MCP server gives is a warning with cause and cure, one a minute; 421 is 502 with a hint, and `--upstream-host` sets the `Host`, never the TLS name',
  ),
  'FLD-14': tested(
    'Readiness asks the upstream itself: one exchange of MCP for all checks within ten seconds, which ends its session and is neither in the audit nor in the limits; only silence and 5xx mean not ready, anything else is a detail and a warning',
  ),
  'FLD-15': tested(
    'A silent event stream has comments between its events, one at once after the head of a GET, none with a coding or a length; no coding is asked for; GET and DELETE are sent once more when a kept connection was closed before a byte came, POST never; a short body goes with its length',
  ),
  'FLD-16': tested(
    'Secrets and keys in files are looked at every 5 seconds and taken when two looks agree; a file that cannot be used changes nothing, loudly; credentials that were refused after they were replaced are not tried again before their file changes',
  ),
  'FLD-17': tested(
    'SIGHUP takes secrets, keys, policies and audit file, all or nothing, says what was read again and what needs a restart, and ends the process only where it was started in a terminal',
  ),
  'FLD-18': tested(
    'Without a listener, what goes wrong is one line for each code and issuer, at most one a minute; `onEvent: false` prints nothing',
  ),
  'FLD-19': tested(
    'A request for a path that is not served is a line in the log with the resource that is, at most ten a minute; the 404 names a resource if it is the only one, or has the host of the request; lines about requests and children name caller, method and tool',
  ),
  'FLD-20': tested(
    'An MCP message that is answered without a token, because route and resource have different paths, is an event and one line; a guard on the route keeps it closed and checks once; the type of `auth` says whether it is there',
  ),
  'FLD-21': tested(
    'The log for people has the time, the message, who and what it is about, and the hint on a line of its own; what is in order is `debug`; the start names the URL for clients and the whole command',
  ),
  'FLD-22': tested('The Hono and the fetch entry do on workerd, Bun and Deno what they do on Node'),
  'FLD-23': tested(
    "Behind a middleware the handler's own response comes back untouched, and its body is not looked at, unless it is an event stream or something about it changes",
  ),
  'FLD-60': tested(
    'On Windows a command is found as the system finds it, with the endings `.com` and `.exe`; a script that needs a shell is not found',
  ),
  'FLD-61': tested(
    'The gateway command of each guide accepts the token that the guide prints, and refuses the nearest wrong ones with the code that the guide names',
  ),
  'FLD-62': tested('The proof of a guide calls no tool that was not named, and always ends'),
}
