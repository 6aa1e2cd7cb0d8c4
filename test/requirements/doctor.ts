/** What the command `doctor` promises. The ids are ours; the reference of requirements does not have them. */
import type { Requirement } from './requirements.js'

function tested(text: string): Requirement {
  return { level: 'D', text, status: 'tested' }
}

export const DOCTOR: Readonly<Record<string, Requirement>> = {
  'DOC-01': tested(
    'From outside it finds what is wrong with answer, challenge, metadata, resource, redirects, CORS, TLS and clock, and finds nothing where all is right',
  ),
  'DOC-02': tested(
    'It reads every form of the documents of an authorization server, compares issuers, and finds what is missing for the login',
  ),
  'DOC-03': tested(
    'It changes nothing: it registers clients only with --try-registration, removes them, and names each that stays; a session that a server begins is ended',
  ),
  'DOC-04': tested(
    'It judges by client: a fault stops those of which that is known; what nobody has told stays unknown',
  ),
  'DOC-05': tested(
    'No report holds the value of a query, a token, or a character that acts on a terminal',
  ),
  'DOC-06': tested('A server that hangs costs the patience for one answer, and is told'),
  'DOC-07': tested(
    'Exit codes: 0 fine, 1 an error was found, 2 usage or unreachable; text has colours only on a terminal',
  ),
  'DOC-08': tested(
    'From inside it asks what the gateway would ask: keys, introspection with its credentials, the server and what it offers; wrong credentials only with --try-wrong-credentials',
  ),
  'DOC-09': tested(
    'HTML, SARIF and JUnit say the same as the text: a page that needs nothing else and everyone can read, a result for each finding, a case for each client',
  ),
  'DOC-10': tested(
    'With a baseline it tells what appeared, what is gone and whose answer changed, and only what got worse is exit code 1',
  ),
  'DOC-11': tested(
    'Each failure of the catalogue that can be seen from here, and each mistake of the first day, is named by doctor, check --live or explain with the setting to change, and is not named where it is not',
  ),
}
