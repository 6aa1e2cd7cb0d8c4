/**
 * Who called what, and why somebody was refused: for operators and for people who cannot connect. The ids are ours. The
 * reference of requirements does not have them.
 */
import type { Requirement } from './requirements.js'

function tested(text: string): Requirement {
  return { level: 'D', text, status: 'tested' }
}

export const WHO: Readonly<Record<string, Requirement>> = {
  'WHO-01': tested(
    'Log and audit show the person by the first configured claim that is there, of a JWT or of an introspection answer; without the setting nobody is named; the name decides nothing; a client id that is a URL is shown whole',
  ),
  'WHO-02': tested(
    'Each call of a tool, each prompt and each resource that was let in has one line at info with person, client, name, status and milliseconds, never with a query; a message that was not read has method and path, whatever its header fields claim',
  ),
  'WHO-03': tested(
    'With an audit, method and name of every message are recorded, also without a policy: the body is read while it passes, unchanged and refused by nobody for that; a body that cannot be read is recorded with the reason; its memory is bounded for each caller',
  ),
  'WHO-04': tested(
    'The description of a 401 for a token that came ends in header and body, and that of every 403 in the body alone, with the last eight characters of the request id, which the log has; that of a 401 without credentials, of a 400 and of an unknown session does not. Two challenges for the same scopes are byte-equal: SDK v1 ends its loop by that',
  ),
  'WHO-05': tested(
    'One command says of a token what every rule of the kernel says, by how much it fails, the likeliest cause and the setting to change, also without a network; of a logged request the same; it prints no token and no signature, and takes no token as an argument',
  ),
  'WHO-06': tested(
    'A GET without credentials that prefers HTML and names no event stream gets the same status and challenge with a page as body: the URL to copy, where each client takes it, and the request id; no script, nothing from elsewhere, no text of others as markup',
  ),
  'WHO-07': tested(
    'The page of the second listener needs the token of a file that only its owner can use, on loopback too, read for each request; it shows resources, issuers, servers, children, limits and the last fifty refusals with advice; no script, no frame, no other origin, nothing secret; health and metrics stay open',
  ),
  'WHO-08': tested(
    'Each page for people can be used on a phone and on a desk, in light and in dark: nothing is wider than the screen, axe finds nothing, the console is silent, nothing is asked of another origin, and no token is on it',
  ),
}
