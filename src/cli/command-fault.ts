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

/** Some servers repeat in an error what they were sent. */
export function withoutSecrets(text: string, secrets: readonly (string | undefined)[]): string {
  let clean = text
  for (const secret of secrets) {
    if (secret !== undefined && secret !== '') clean = clean.replaceAll(secret, HIDDEN)
  }
  return clean
}
