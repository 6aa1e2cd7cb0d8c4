/**
 * Sessions that began without a token have a mark in the id that their client sees. So a request
 * without a token that names another session gets the challenge, and not the 404 that makes a client
 * begin anew.
 *
 * @module
 */
import { ANONYMOUS_KEY } from '../rs/anonymous.js'

const MARK = 'anonymous.'

/** The beginning of all session ids of an owner. */
export function sessionMark(ownerKey: string): string {
  return ownerKey === ANONYMOUS_KEY ? MARK : ''
}

/** Whether a session id has the form of those that began without a token. */
export function isAnonymousSession(visible: string): boolean {
  return visible.startsWith(MARK)
}
