/**
 * Handles the requests of one connection in turn: the next one starts when the previous answer is
 * on its way. Requests after an answer that closes the connection are ignored.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * How many requests may wait for the previous answer. Clients that send more do not read answers.
 */
const MOST_WAITING = 100

const TURNS: unique symbol = Symbol('turns')

interface Turns {
  waiting: number
  /** The newest waiting request. */
  last: ServerResponse | undefined
  /** Nothing more is read on this connection. */
  isDeaf: boolean
}

/** Node keeps this connection's pending answer here; its own handler uses it, too. */
export interface AnsweringSocket extends Socket {
  readonly _httpMessage?: ServerResponse | null
  [TURNS]?: Turns
}

function turnsOf(socket: AnsweringSocket): Turns {
  return (socket[TURNS] ??= { waiting: 0, last: undefined, isDeaf: false })
}

function ignore(): void {
  // The end of a connection reports its errors, and a deaf connection is not read.
}

/** Call it for every connection: Node removes its own listener from one that it hands out. */
export function listenForErrors(socket: Socket): void {
  socket.on('error', ignore)
}

/**
 * The pending answer, before or into which nothing may be written; the last if there are several.
 */
export function lastDue(socket: AnsweringSocket): ServerResponse | undefined {
  return socket[TURNS]?.last ?? socket._httpMessage ?? undefined
}

/** @returns whether it already was */
export function isDeaf(socket: AnsweringSocket): boolean {
  return socket[TURNS]?.isDeaf === true
}

/**
 * Ignores further requests and closes once all pending answers are sent. Bytes are still read to
 * notice when the client leaves.
 */
export function closeAfter(socket: AnsweringSocket, last: ServerResponse): void {
  turnsOf(socket).isDeaf = true
  // Node's parser releases a socket that other code reads.
  socket.on('data', ignore).removeAllListeners('data').on('data', ignore).resume()
  // If the parser released the socket, an answer that waits for room would wait for ever.
  socket.on('drain', () => socket._httpMessage?.emit('drain'))
  // The parser would do so, but may be in the middle of a request.
  socket.on('end', () => socket.destroySoon())
  last.shouldKeepAlive = false
  last.once('close', () => socket.destroySoon())
}

/** For HTTP/1.0 and older: an answer without a length ends with the connection. */
function isEndedByConnection(due: ServerResponse | null | undefined): due is ServerResponse {
  return due?.useChunkedEncodingByDefault === false
}

/**
 * Resets a connection in the middle of an answer: half an answer must not look complete, as it
 * would after a normal end.
 */
export function cutConnection(socket: AnsweringSocket): void {
  if (isEndedByConnection(socket._httpMessage)) socket.resetAndDestroy()
  else socket.destroy()
}

/** The same for an answer. */
export function cutAnswer(response: ServerResponse): void {
  if (response.socket !== null) cutConnection(response.socket)
  response.destroy()
}

/**
 * Node ends our half of a connection when the client has ended theirs. Call it before Node notices.
 */
export function cutHalf(socket: AnsweringSocket): void {
  const { _httpMessage: due } = socket
  if (isEndedByConnection(due) && due.headersSent) cutConnection(socket)
}

/**
 * Handles an idle connection: it ends if nothing is under way, or if its reader takes no bytes. A
 * pending answer and an arriving body have their own limits.
 */
export function endSilent(socket: AnsweringSocket): void {
  const { _httpMessage: due } = socket
  if (due === null || due === undefined || socket.writableLength > 0) cutConnection(socket)
}

/** The current answer is the last on this connection, if its head can still say so. */
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

/**
 * Called once for a connection with too many waiting requests, when the turn of the first one beyond
 * them has come.
 *
 * @param isOver its connection has ended before
 */
export type OnTooMany = (
  request: IncomingMessage,
  response: ServerResponse,
  waiting: number,
  isOver: boolean,
) => void

export function createTurns(onTooMany: OnTooMany): InTurn {
  return function inTurn(request, response, handle) {
    const socket = request.socket as AnsweringSocket
    if (socket[TURNS]?.isDeaf === true) return
    // Only the next request to be answered has its socket.
    if (response.socket !== null) {
      // Nothing can be answered any more.
      if (socket.writable) handle(request, response)
      return
    }
    const turns = turnsOf(socket)
    if (turns.waiting >= MOST_WAITING) {
      closeAfter(socket, response)
      const refuse = (isOver: boolean) => onTooMany(request, response, MOST_WAITING, isOver)
      const onClose = () => refuse(true)
      socket.once('close', onClose)
      return awaitTurn(response, () => {
        socket.off('close', onClose)
        refuse(!socket.writable)
      })
    }
    turns.waiting++
    turns.last = response
    awaitTurn(response, () => {
      if (socket.writable) handle(request, response)
    })
    response.once('socket', () => {
      turns.waiting--
      if (turns.last === response) turns.last = undefined
    })
  }
}

function awaitTurn(response: ServerResponse, callback: () => void): void {
  // Node is about to check for something to send.
  response.once('socket', () => process.nextTick(callback))
}
