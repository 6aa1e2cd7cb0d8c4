/**
 * Variables of our environment that a command may need and does not get: without its proxy or its
 * CA a package manager downloads nothing.
 *
 * @module
 */
import type { ChildEnded } from './events.js'

const NEEDED =
  /^(?:SSL_CERT_(?:FILE|DIR)|NODE_EXTRA_CA_CERTS|REQUESTS_CA_BUNDLE|(?:ALL|HTTPS?|NO)_PROXY|(?:all|https?|no)_proxy|(?:NPM_CONFIG|UV)_\w+)$/

/** How many are named. */
const MOST = 10

/** What may be the name of a variable in a text. */
const NAMES = /\b[A-Z_][A-Z\d_]{2,}\b/g

/** What is surely the name of a variable: it has an underscore, and is not the code of an error. */
const SURE_NAMES = /\b(?!ERR_)[A-Z][A-Z\d]*(?:_[A-Z\d]+)*_(?!(?:FOUND|ERROR)\b)[A-Z\d]+\b/g

/** A line that complains of something missing. */
const COMPLAINT =
  /\b(?:not set|unset|missing|requires?|required|must|undefined|not defined|env\w*)\b/i

/** The variables that a command says it lacks, and that nobody has set. */
function unsetNames(said: string, isSet: (name: string) => boolean): readonly string[] {
  const complaints = said.split('\n').filter((line) => COMPLAINT.test(line))
  const names = complaints.flatMap((line) => line.match(SURE_NAMES) ?? [])
  return [...new Set(names)].filter((name) => !isSet(name)).slice(0, MOST)
}

/** How a command ended, with the hint. */
export function withHint(reason: string, hint: string | undefined): string {
  return hint === undefined ? reason : `${reason}; ${hint}`
}

/**
 * The hint for a command that ended before it answered.
 *
 * @param ours our environment; of its values nothing is told
 * @param passed the environment of the command
 * @param said what the command wrote on stderr: it often names the variable that it lacks
 * @returns `undefined` if it has them all
 */
export function withheldHint(
  ours: Readonly<Record<string, string | undefined>>,
  passed: Readonly<Record<string, string>>,
  said = '',
): ChildEnded['hint'] {
  const named = new Set(said.match(NAMES))
  const names = Object.keys(ours).filter(
    (name) => (NEEDED.test(name) || named.has(name)) && !(name in passed),
  )
  const isSet = (name: string) => name in passed || ours[name] !== undefined
  const unset = names.some((name) => named.has(name)) ? [] : unsetNames(said, isSet)
  if (unset.length > 0) {
    return `it names ${unset.join(', ')}, and that is not set here: set it, and pass it with --child-env NAME`
  }
  if (names.length === 0) return undefined
  // Those that the command names come first.
  names.sort((a, b) => Number(named.has(b)) - Number(named.has(a)))
  const listed = names.slice(0, MOST).join(', ')
  return `set here and not passed to it: ${listed}; --child-env NAME passes a variable`
}
