/**
 * The requests of one connection, one after the other: the next one is looked at when the answer to the one before is
 * on its way. What comes after an answer that closes the connection is never looked at.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Requests that may wait for the answer to the one before. Those who send more read no answers. */
const MOST_WAITING = 100

const TURNS: unique symbol = Symbol('turns')

interface Turns {
  waiting: number
  /** The newest request that waits. */
  last: ServerResponse | undefined
  /** Nothing more is heard on this connection. */
  isDeaf: boolean
}

/** Node keeps the answer that is due on this connection here; its own handler looks at it, too. */
export interface AnsweringSocket extends Socket {
  readonly _httpMessage?: ServerResponse | null
  [TURNS]?: Turns
}

function turnsOf(socket: AnsweringSocket): Turns {
  return (socket[TURNS] ??= { waiting: 0, last: undefined, isDeaf: false })
}

function ignore(): void {
  // Errors of a connection are told by its end, and what comes over one that is deaf is not read.
}

/** To be called for every connection: Node takes its own listener away from one that it hands out. */
export function listenForErrors(socket: Socket): void {
  socket.on('error', ignore)
}

/** The answer that nothing may be written before, or into; of several the last. */
export function lastDue(socket: AnsweringSocket): ServerResponse | undefined {
  return socket[TURNS]?.last ?? socket._httpMessage ?? undefined
}

/** @returns whether it was so before */
export function isDeaf(socket: AnsweringSocket): boolean {
  return socket[TURNS]?.isDeaf === true
}

/**
 * Hears nothing more from the client, and closes once all that is due was answered. Its bytes are still taken, so that
 * its leaving is noticed.
 */
export function closeAfter(socket: AnsweringSocket, last: ServerResponse): void {
  turnsOf(socket).isDeaf = true
  // Node's parser lets go of a socket that somebody else reads.
  socket.on('data', ignore).removeAllListeners('data').on('data', ignore).resume()
  // Where the parser gave the socket away, an answer that waits for room would wait for ever.
  socket.on('drain', () => socket._httpMessage?.emit('drain'))
  // The parser, which would do so, may be in the middle of a request.
  socket.on('end', () => socket.destroySoon())
  last.shouldKeepAlive = false
  last.once('close', () => socket.destroySoon())
}

/** Of HTTP/1.0 and what is older: where an answer has no length, the end of the connection is its end. */
function isEndedByConnection(due: ServerResponse | null | undefined): due is ServerResponse {
  return due?.useChunkedEncodingByDefault === false
}

/** Ends a connection in the midst of what is answered: half an answer must not look whole, and only a reset is no end. */
export function cutConnection(socket: AnsweringSocket): void {
  if (isEndedByConnection(socket._httpMessage)) socket.resetAndDestroy()
  else socket.destroy()
}

/** The same for an answer. */
export function cutAnswer(response: ServerResponse): void {
  if (response.socket !== null) cutConnection(response.socket)
  response.destroy()
}

/** Node ends our half of a connection when the client has ended theirs. To be called before Node hears of it. */
export function cutHalf(socket: AnsweringSocket): void {
  const { _httpMessage: due } = socket
  if (isEndedByConnection(due) && due.headersSent) cutConnection(socket)
}

/**
 * A connection over which nothing has moved for a while: it ends where nothing is under way, and where its reader does
 * not take what is there. An answer that is not there yet, and a body that still comes, have limits of their own.
 */
export function endSilent(socket: AnsweringSocket): void {
  const { _httpMessage: due } = socket
  if (due === null || due === undefined || socket.writableLength > 0) cutConnection(socket)
}

/** Whatever is answered now is the last over this connection, where its head can still say so. */
export function tellLast(socket: AnsweringSocket): void {
  const { _httpMessage: due } = socket
  if (due !== null && due !== undefined && !due.headersSent) due.shouldKeepAlive = false
}

export interface InTurn {
  (
    request: IncomingMessage,
    response: ServerResponse,
    handle: (request: IncomingMessage, response: ServerResponse) => void,
  ): void
}

/** @param onTooMany told once for a connection with too many requests that wait */
export function createTurns(onTooMany: (waiting: number) => void): InTurn {
  return function inTurn(request, response, handle) {
    const socket = request.socket as AnsweringSocket
    if (socket[TURNS]?.isDeaf === true) return
    // Only the one that is to be answered next has its socket.
    if (response.socket !== null) {
      // Nothing can be answered any more.
      if (socket.writable) handle(request, response)
      return
    }
    const turns = turnsOf(socket)
    if (turns.waiting >= MOST_WAITING) {
      closeAfter(socket, turns.last ?? response)
      return onTooMany(turns.waiting)
    }
    turns.waiting++
    turns.last = response
    response.once('socket', () => {
      turns.waiting--
      if (turns.last === response) turns.last = undefined
      // Node is about to look whether there is something to send.
      process.nextTick(() => {
        if (socket.writable) handle(request, response)
      })
    })
  }
}
