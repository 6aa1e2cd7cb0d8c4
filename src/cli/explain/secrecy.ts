/**
 * Keeps tokens out of what is printed.
 *
 * @module
 */

/** What is neither a word nor a number of the text around it. */
const TOKEN = /\bey[\w-]{8,}(?:\.[\w-]*){2,4}/g
const HIDDEN = '(a token, not shown)'

/** Shorter texts occur by chance. */
const SHORTEST = 16

export function looksLikeToken(text: string): boolean {
  return text.search(TOKEN) >= 0
}

/** Everything with the shape of a JWT is hidden, and this token with each of its last parts. */
export function withoutTokens(text: string, token = ''): string {
  const signature = token.slice(token.lastIndexOf('.') + 1)
  const secrets = [token, signature].filter((each) => each.length >= SHORTEST)
  const shown = secrets.reduce((rest, secret) => rest.replaceAll(secret, HIDDEN), text)
  return shown.replace(TOKEN, HIDDEN)
}
