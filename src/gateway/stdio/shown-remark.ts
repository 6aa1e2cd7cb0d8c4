/**
 * A line that a command wrote instead of an answer, for a sentence about it. It may hold secrets:
 * of JSON only the names of members are shown, of a text only its plain words.
 *
 * @module
 */
import { readFirstMembers } from '../../base/json-spans.js'
import { quoted } from '../../errors.js'

/** Characters. */
const LONGEST = 60

/** All that stands behind `:` or `=`, a word with a digit, and a long one. */
const MAY_BE_SECRET = /(?<=[:=]\s*)[^\s:=].*$|[^\s:=]*\d[^\s:=]*|[^\s:=]{20,}/gs

function isName(name: string): name is string {
  return name !== ''
}

export function shownRemark(line: Buffer): string {
  const names = [...(readFirstMembers(line, isName)?.members.keys() ?? [])]
  const shape = `{ ${names.map((name) => hidden(name)).join(', ')} }`
  return quoted(names.length > 0 ? shape : hidden(line.toString()), LONGEST)
}

function hidden(text: string): string {
  return text.replace(MAY_BE_SECRET, '***')
}
