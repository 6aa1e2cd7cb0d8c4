/** What `login` and `clients` promise. The ids are ours, as those of the field faults. */
import type { Requirement } from './requirements.js'

function tested(text: string): Requirement {
  return { level: 'D', text, status: 'tested' }
}

export const LOGIN: Readonly<Record<string, Requirement>> = {
  'FLD-41': tested(
    '`login` goes the way of a client: challenge, metadata of the exact resource and issuer, registration, code with PKCE S256, `state`, `iss` and `resource`; each way to fail names the cause and the cure',
  ),
  'FLD-42': tested(
    '`login` calls no tool unless it is named, and prints the access token only to stdout and only when asked',
  ),
  'FLD-43': tested(
    '`login` stores nothing unless asked; the file is for its owner alone, and its refresh token goes to the issuer that gave it and to no other',
  ),
  'FLD-44': tested(
    '`login` works without a browser on this machine (device) and without a person (a command), and ends in time and at Ctrl-C',
  ),
  'FLD-48': tested(
    'What stops the start is a problem of `check` and of every other command, in the words of settings; nothing ends with a stack trace instead',
  ),
  'FLD-47': tested(
    '`clients register` prints the calls of each identity provider without a secret; with `--apply` the admin token goes to the origin of the issuer and to no other, from a file for its owner alone, and is not shown',
  ),
  'FLD-46': tested(
    '`clients` says for each client what to type, paste and allow for this deployment, from two dated tables, and contacts nobody',
  ),
  'FLD-45': tested(
    'No code and no token is in what `login` tells, even if a server repeats it; a request with another `state` changes nothing; no endpoint is used or opened that is not an https URL',
  ),
}
