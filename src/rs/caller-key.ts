/**
 * Keys that say whose sessions are the same.
 *
 * @module
 */
import { sha256Sync } from '../base/digest.js'
import type { Authenticated } from './decision.js'

/**
 * Each part has its length in front, so that no two lists make the same key; an absent part differs
 * from an empty one.
 */
function part(field: string | undefined): string {
  return field === undefined ? '-' : `${field.length}:${field}`
}

/**
 * One text for (issuer, subject, client). A token that names neither subject nor client is its own
 * caller, and its successor is another.
 */
export function callerKey({ token, bearer }: Pick<Authenticated, 'token' | 'bearer'>): string {
  const { issuer, subject, clientId } = token
  const isAnonymous = subject === undefined && clientId === undefined
  const digest = isAnonymous ? sha256Sync?.(bearer) : undefined
  return part(issuer) + part(subject) + part(clientId) + part(digest)
}

/** Callers whose tokens name no subject cannot be told apart, so they count as one. */
const NO_SUBJECT = part(undefined) + part(undefined)

/**
 * One text for (issuer, subject): the same person or machine, whatever the client. Callers without a subject are one.
 */
export function principalKey({ token }: Pick<Authenticated, 'token'>): string {
  const { issuer, subject } = token
  return subject === undefined ? NO_SUBJECT : part(issuer) + part(subject)
}
