/**
 * Hides the secrets that people write into settings: in queries of URLs, and in arguments of commands.
 *
 * @module
 */

const HIDDEN = '***'

/** The name of an option or a variable whose value is a secret. */
const SECRET_NAME =
  /key|token|secret|passw|pwd|auth|credential|cookie|bearer|(?:^|[-_])(?:pat|pass|pin)$/i
/** Long runs of letters and digits, and UUIDs: most keys look like this. */
const SECRET_RUN = /(?=[a-z]*\d)(?=\d*[a-z])[a-z\d]{16,}/i
const UUID = /[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/i
const CREDENTIALS = /\b(?:bearer|basic) /i
const URL_FORM = /^([a-z][a-z\d+.-]*:\/\/)(?:[^/?#]*@)?([^?#]*)(\?[^#]*)?(#.*)?$/is
const HEADER = /^([\w-]+): ?\S/
const ASSIGNMENT = /^(-{0,2}[\w.-]+)=(.*)$/s
/** A secret with its name inside a text: a connection string, JSON. */
const NAMED_INSIDE =
  /(?:key|token|secret|passw\w*|pwd|auth|credentials?|cookie|bearer|(?:^|[^a-z])(?:pat|pass|pin))["']?\s*[=:]\s*\S/i
/** `-p` and `-k`, which mean a password and a key in many programs, with the value in the same word. */
const SHORT_WITH_VALUE = /^(-[pk])(?!-)(.+)$/s
const PORT = /^\d{1,5}$/

/**
 * Hides the values in the query of a URL, and a user name. A fragment is never sent, and stays. Other texts stay as
 * they are.
 */
export function redactUrl(text: string): string {
  const [, scheme, rest = '', query, fragment = ''] = URL_FORM.exec(text) ?? []
  if (scheme === undefined) return text
  const hasUser = !text.startsWith(`${scheme}${rest}`)
  const user = hasUser ? `${HIDDEN}@` : ''
  return `${scheme}${user}${rest}${query === undefined ? '' : redactQuery(query)}${fragment}`
}

function redactQuery(query: string): string {
  const fields = query.slice(1).split('&')
  const shown = fields.map((field) => {
    const [name = ''] = field.split('=', 1)
    return field.includes('=') ? `${name}=${HIDDEN}` : HIDDEN
  })
  return `?${shown.join('&')}`
}

/** Whether a text has a part that is rarely anything but a secret. */
export function looksSecret(text: string): boolean {
  return SECRET_RUN.test(text) || UUID.test(text)
}

/** As {@link redactUrl}; in a command, also a part of the path that looks like a key, and the fragment. */
function redactUrlArgument(text: string): string {
  const [shown = ''] = redactUrl(text).split('#', 1)
  const parts = shown.split('/').map((part) => (looksSecret(part) ? HIDDEN : part))
  return `${parts.join('/')}${text.includes('#') ? `#${HIDDEN}` : ''}`
}

function redactWord(word: string): string {
  if (URL_FORM.test(word)) return redactUrlArgument(word)
  const isHidden = looksSecret(word) || CREDENTIALS.test(word) || NAMED_INSIDE.test(word)
  return isHidden ? HIDDEN : word
}

function redactArgument(argument: string, before: string | undefined): string {
  const [, name, value = ''] = ASSIGNMENT.exec(argument) ?? []
  if (name !== undefined) {
    return `${name}=${SECRET_NAME.test(name) ? HIDDEN : redactWord(value)}`
  }
  if (URL_FORM.test(argument)) return redactUrlArgument(argument)
  const [, short] = SHORT_WITH_VALUE.exec(argument) ?? []
  if (short !== undefined) return `${short}${HIDDEN}`
  if ((before === '-p' || before === '-k') && !PORT.test(argument)) return HIDDEN
  const [, header] = HEADER.exec(argument) ?? []
  if (header !== undefined) return `${header}: ${HIDDEN}`
  const isNamed =
    before?.startsWith('-') === true && !before.includes('=') && SECRET_NAME.test(before)
  return isNamed && !argument.startsWith('-') ? HIDDEN : redactWord(argument)
}

/** Hides every argument that may be a secret. It hides too many rather than too few. */
export function redactCommand(command: readonly string[]): readonly string[] {
  return command.map((argument, index) => redactArgument(argument, command[index - 1]))
}
