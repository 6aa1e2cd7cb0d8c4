/**
 * Registration calls as shell commands. Nothing in them is secret.
 *
 * @module
 */
import type { RegistrationCall } from '../../../advice/client-registration.js'
import { shellWord } from '../../../advice/shell-word.js'
import type { RegisterOptions } from './arguments.js'

function commandOf({ what, url, body, scheme }: RegistrationCall): string {
  return [
    `# ${what}`,
    `curl -sS -X POST ${shellWord(url)} \\`,
    `  -H "Authorization: ${scheme} $ADMIN_TOKEN" -H 'Content-Type: application/json' \\`,
    `  -d ${shellWord(JSON.stringify(body, undefined, 2))}`,
  ].join('\n')
}

/** Ends with a line break. */
export function printedCalls({ provider, client, issuer }: RegisterOptions): string {
  const { title, calls, notes, sources, clientId } = provider
  const read = [...new Set(sources.map(({ date }) => date))].sort().join(' and ')
  return `${[
    `# ${client.title}, at ${title}. From the sources below (${read}).`,
    '# Put your token into ADMIN_TOKEN, and replace the words in capitals.',
    '',
    calls(client, issuer).map(commandOf).join('\n\n'),
    '',
    `# The client id is ${clientId}.`,
    ...notes.map((note) => `# - ${note}`),
    ...sources.map(({ at }) => `# ${at}`),
  ].join('\n')}\n`
}
