/**
 * Why a command did not succeed, and what to do about it.
 *
 * @module
 */

/** The message is a sentence for the user; nothing in it is secret. */
export class CommandFault extends Error {
  readonly hint: string

  constructor(message: string, hint: string) {
    super(message)
    this.hint = hint
  }
}

/** The user ended it. */
export class Interrupted extends CommandFault {
  constructor() {
    super('interrupted', 'nothing was finished: start again')
  }
}

const HIDDEN = '***'

/** Characters by which a secret is known, for a text that was cut. */
const BEGINNING = 16

/** Hides a secret, and the beginning of one with what follows it up to a blank. */
function hide(text: string, secret: string): string {
  if (secret.length < BEGINNING) return text.replaceAll(secret, HIDDEN)
  const [before = '', ...others] = text.replaceAll(secret, HIDDEN).split(secret.slice(0, BEGINNING))
  return [before, ...others.map((each) => each.replace(/^\S*/, HIDDEN))].join('')
}

/** Some servers repeat in an error what they were sent. */
export function withoutSecrets(text: string, secrets: readonly (string | undefined)[]): string {
  let clean = text
  for (const secret of secrets) {
    if (secret !== undefined && secret !== '') clean = hide(clean, secret)
  }
  return clean
}
