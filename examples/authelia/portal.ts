/**
 * Authelia's portal without a browser: its pages are a program of their own, which talks to a JSON API. This does so
 * too. The client must have `consent_mode: implicit`.
 */
import type { Visit } from '../demo/browser.js'

/** @returns the cookie of the session */
export async function logIn(
  issuer: string,
  user: string,
  fetchFunction: typeof fetch = fetch,
): Promise<string> {
  const answer = await fetchFunction(`${issuer}/api/firstfactor`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: user, password: user, keepMeLoggedIn: false }),
  })
  const cookie = answer.headers.getSetCookie().find((field) => field.startsWith('authelia_session'))
  if (!answer.ok || cookie === undefined) {
    throw new Error(`${issuer} lets ${user} not in: ${answer.status} ${await answer.text()}`)
  }
  await answer.body?.cancel()
  return cookie.split(';')[0] ?? ''
}

/** The authorization request of somebody who is logged in. The redirect back is the answer, and is not followed. */
export async function authorize(
  authorizationUrl: URL,
  cookie: string,
  fetchFunction: typeof fetch = fetch,
): Promise<Visit> {
  const answer = await fetchFunction(authorizationUrl, { headers: { cookie }, redirect: 'manual' })
  await answer.body?.cancel()
  const location = answer.headers.get('location')
  const redirectUri = authorizationUrl.searchParams.get('redirect_uri')
  if (location === null || redirectUri === null || !location.startsWith(redirectUri)) {
    throw new Error(`not back at the client: ${answer.status} ${location}`)
  }
  return { callback: new URL(location), forms: ['firstfactor'] }
}
