/**
 * Prepares a `node:http` answer for the client, however its handler writes it: its session is
 * sealed, a browser may read it, its lists are filtered, and it ends with its token.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { SESSION_FIELD } from '../web/bound-sessions.js'
import { isEventStream } from '../web/media-type.js'
import { addCorsHeaders } from '../web/origins.js'
import type { Permission } from '../web/permission.js'
import { cutAnswer, endAnswer, isOver, sendAnswer } from './answer.js'
import { filterAnswer } from './filtered-answer.js'
import { fieldsOf, isField, valueIn, type Field } from './header-fields.js'

/** In every place where a handler may read it. */
function renameSession(request: IncomingMessage, id: string): void {
  const { rawHeaders } = request
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() === SESSION_FIELD) rawHeaders[i + 1] = id
  }
  request.headers[SESSION_FIELD] = id
  // HTTP/2 requests do not have them.
  const distinct = request.headersDistinct as NodeJS.Dict<string[]> | undefined
  if (distinct !== undefined) distinct[SESSION_FIELD] = [id]
}

/** The argument of `writeHead` in the same form, with the new id, or without an invalid one. */
function replaceSession(argument: unknown, permission: Permission): unknown {
  const fields = fieldsOf(argument)
  const isSession = ([name]: Field) => isField(name, SESSION_FIELD)
  if (!fields.some(isSession)) return argument
  const replaced = fields.flatMap((field): Field[] => {
    if (!isSession(field)) return [field]
    const visible = permission.sealSession(String(field[1]))
    return visible === undefined ? [] : [[field[0], visible]]
  })
  if (!Array.isArray(argument)) return Object.fromEntries(replaced)
  return Array.isArray(argument[0]) ? replaced : replaced.flat()
}

/**
 * Others must not see the handler's own id, which might open the session elsewhere.
 *
 * @returns the arguments of `writeHead` with the id that the client sees
 */
function sealSession(
  response: ServerResponse,
  permission: Permission,
  args: readonly unknown[],
): readonly unknown[] {
  if (!permission.bindsSessions) return args
  const id = response.getHeader(SESSION_FIELD)
  if (id !== undefined) {
    const visible = permission.sealSession(String(id))
    if (visible === undefined) response.removeHeader(SESSION_FIELD)
    else response.setHeader(SESSION_FIELD, visible)
  }
  if (valueIn(args, SESSION_FIELD) === undefined) return args
  return args.map((arg) => replaceSession(arg, permission))
}

function limitStream(
  request: IncomingMessage,
  response: ServerResponse,
  permission: Permission,
): void {
  const stop = permission.watch((how) => {
    if (how === 'end') endAnswer(response)
    else cutAnswer(request, response)
  })
  response.once('close', stop)
}

/** Every answer begins with `writeHead`. Node calls it if nobody else does. */
function guardHead(
  request: IncomingMessage,
  response: ServerResponse,
  permission: Permission,
): void {
  const writeHead = response.writeHead as (...args: unknown[]) => ServerResponse
  response.writeHead = (...given: unknown[]) => {
    const args = sealSession(response, permission, given)
    const result = writeHead.apply(response, args as unknown[])
    const type = valueIn(args, 'content-type') ?? response.getHeader('content-type')
    if (isEventStream(type?.toString()) && !response.writableEnded && !response.destroyed) {
      limitStream(request, response, permission)
    }
    return result
  }
}

/**
 * For an admitted request, before its handler sees it: restores the handler's session id, and
 * prepares the answer for whatever the handler writes, with any framework.
 */
export function guardAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  permission: Permission,
): void {
  const { sessionId, filter, origin } = permission
  if (sessionId !== undefined) renameSession(request, sessionId)
  if (filter !== undefined) {
    filterAnswer(response, filter, (error) => {
      const answer = permission.fail(error)
      return () => sendAnswer(response, answer)
    })
  }
  guardHead(request, response, permission)
  if (origin !== undefined && !isOver(response)) {
    const current = (name: string) => response.getHeader(name)?.toString()
    for (const [name, value] of addCorsHeaders(permission.corsHeaders, current)) {
      response.setHeader(name, value)
    }
  }
}
