/**
 * Keeps tokens out of what is printed.
 *
 * @module
 */

/** The shape of a JWT, within any text. */
const TOKEN = /\bey[\w-]{8,}(?:\.[\w-]*){2,4}/g
const HIDDEN = '(a token, not shown)'

/** Shorter texts occur by chance. */
const SHORTEST = 16

export function looksLikeToken(text: string): boolean {
  return text.search(TOKEN) >= 0
}

/** Hides everything with the shape of a JWT, and also this token and its signature. */
export function withoutTokens(text: string, token = ''): string {
  const signature = token.slice(token.lastIndexOf('.') + 1)
  const secrets = [token, signature].filter((each) => each.length >= SHORTEST)
  const shown = secrets.reduce((rest, secret) => rest.replaceAll(secret, HIDDEN), text)
  return shown.replace(TOKEN, HIDDEN)
}
