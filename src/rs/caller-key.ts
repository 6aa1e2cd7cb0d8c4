/**
 * Whose sessions are the same.
 *
 * @module
 */
import { sha256Sync } from '../base/digest.js'
import type { Authenticated } from './decision.js'

/** Each with its length, so that no two lists make the same text; what is absent is not what is empty. */
function joinFields(fields: readonly (string | undefined)[]): string {
  return fields.map((field) => (field === undefined ? '-' : `${field.length}:${field}`)).join('')
}

/**
 * One text for (issuer, subject, client). A token that names neither subject nor client is a caller of its own, and
 * its successor another.
 */
export function callerKey({ token, bearer }: Pick<Authenticated, 'token' | 'bearer'>): string {
  const { issuer, subject, clientId } = token
  const isAnonymous = subject === undefined && clientId === undefined
  return joinFields([issuer, subject, clientId, isAnonymous ? sha256Sync?.(bearer) : undefined])
}

/** Callers whose token names no subject: nobody can tell them apart as people, so they count as one. */
const NO_SUBJECT = joinFields([undefined, undefined])

/**
 * One text for (issuer, subject): the same person or machine, whatever the client. Callers without a subject are one.
 */
export function principalKey({ token }: Pick<Authenticated, 'token'>): string {
  const { issuer, subject } = token
  return subject === undefined ? NO_SUBJECT : joinFields([issuer, subject])
}
