/**
 * The `Content-Type` that a body must have to be read, and that of an event stream.
 *
 * @module
 */

const EVENT_STREAM = /^\s*text\/event-stream\s*(?:;|$)/i

/** Whether this `Content-Type` is an event stream (WHATWG HTML §9.2). */
export function isEventStream(contentType = ''): boolean {
  return EVENT_STREAM.test(contentType)
}

/** Whether this `Content-Type` may be meant as JSON, whatever its parameters. */
export function looksLikeJson(contentType: string): boolean {
  return /^application\/json\b/i.test(contentType)
}

/**
 * RFC 8259 §11, and the one parameter that is unambiguous. Everything else is refused, because
 * servers read it differently: `charset*=`, a charset inside another parameter's quotes, two
 * charsets, or an invalid blank (HDR-08).
 */
const JSON_IN_UTF8 =
  /^[ \t]*application\/json[ \t]*(?:;[ \t]*charset[ \t]*=[ \t]*(?:utf-8|"utf-8")[ \t]*)?$/i

/** @param field several are joined by commas */
export function isJsonInUtf8(field: string | undefined): boolean {
  return field !== undefined && JSON_IN_UTF8.test(field)
}

/** The message for any other type, and for a request without one. */
export const NO_JSON_IN_UTF8 = 'Content-Type must be application/json, alone or with charset=utf-8'
