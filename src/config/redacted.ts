/**
 * Hides the secrets that people write into settings: in queries of URLs, and in arguments of commands.
 *
 * @module
 */

const HIDDEN = '***'

/** The name of an option or a variable whose value is a secret. */
const SECRET_NAME =
  /key|token|secret|passw|passphrase|pwd|auth|credential|cookie|bearer|(?:^|[-_])(?:pat|pass|pin)$/i
/** Long runs of letters and digits, and UUIDs: most keys look like this. */
const SECRET_RUN = /(?=[a-z]*\d)(?=\d*[a-z])[a-z\d]{16,}/i
const UUID = /[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/i
const CREDENTIALS = /\b(?:bearer|basic) /i
const URL_FORM = /^([a-z][a-z\d+.-]*:\/\/)(?:[^/?#]*@)?([^?#]*)(\?[^#]*)?(#.*)?$/is
const HEADER = /^([\w-]+): ?\S/
const ASSIGNMENT = /^(-{0,2}[\w.-]+)=(.*)$/s
/** A secret with its name inside a text: a connection string, JSON, a header. */
const NAMED_INSIDE =
  /(?:key|token|secret|pass(?:w|phrase)\w*|pwd|auth\w*|credentials?|cookie|bearer|(?:^|[^a-z])(?:pat|pass|pin))["']?\s*[=:]\s*\S/i
/** `-p` and `-k`, which mean a password and a key in many programs, with the value in the same word. */
const SHORT_WITH_VALUE = /^(-[pk]=?)(?!-)(.+)$/s
/** `-u name:password`, as curl has it. */
const USER_OPTION = /^(?:-u|--user)$/
const USER_PAIR = /^([^:\s]+):.+$/s
/** A user before the host whose password has a slash or a mark that should be encoded. */
const ODD_USER = /^([a-z][a-z\d+.-]*:\/\/)(?=[^@]*:(?!\d{1,5}(?:[/?#]|$)))\S*@/is
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

/** As {@link redactUrl}; in a command, also a part of the path that may be a secret, and the fragment. */
function redactUrlArgument(text: string): string {
  const plain = text.replace(ODD_USER, `$1${HIDDEN}@`)
  const [shown = ''] = redactUrl(plain).split('#', 1)
  const [path = '', ...query] = shown.split('?')
  const parts = path
    .split('/')
    .map((part) => (looksSecret(part) || NAMED_INSIDE.test(part) ? HIDDEN : part))
  return [parts.join('/'), ...query].join('?') + (plain.includes('#') ? `#${HIDDEN}` : '')
}

function redactWord(word: string): string {
  if (URL_FORM.test(word)) return redactUrlArgument(word)
  const isHidden = looksSecret(word) || CREDENTIALS.test(word) || NAMED_INSIDE.test(word)
  return isHidden ? HIDDEN : word
}

function redactUser(text: string): string {
  return text.replace(USER_PAIR, `$1:${HIDDEN}`)
}

function redactArgument(argument: string, before: string | undefined): string {
  const [, short] = SHORT_WITH_VALUE.exec(argument) ?? []
  if (short !== undefined) return `${short}${HIDDEN}`
  const [, name, value = ''] = ASSIGNMENT.exec(argument) ?? []
  if (name !== undefined) {
    if (SECRET_NAME.test(name)) return `${name}=${HIDDEN}`
    return `${name}=${USER_OPTION.test(name) ? redactUser(value) : redactWord(value)}`
  }
  if (URL_FORM.test(argument)) return redactUrlArgument(argument)
  if ((before === '-p' || before === '-k') && !PORT.test(argument)) return HIDDEN
  if (before !== undefined && USER_OPTION.test(before)) return redactUser(argument)
  const [, header] = HEADER.exec(argument) ?? []
  if (header !== undefined) return `${header}: ${HIDDEN}`
  const isNamed =
    before?.startsWith('-') === true && !before.includes('=') && SECRET_NAME.test(before)
  if (isNamed && !argument.startsWith('-')) return HIDDEN
  // A line for a shell.
  const words = argument.split(' ')
  return words.length > 1 && redactWord(argument) !== HIDDEN
    ? redactCommand(words).join(' ')
    : redactWord(argument)
}

/** Hides every argument that may be a secret. It hides too many rather than too few. */
export function redactCommand(command: readonly string[]): readonly string[] {
  return command.map((argument, index) => redactArgument(argument, command[index - 1]))
}
