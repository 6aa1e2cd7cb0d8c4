/**
 * A request in Hono's context as a guard sees it.
 *
 * @module
 */
import type { Context } from 'hono'
import { routePath } from 'hono/route'
import { isJsonObject } from '../base/json.js'
import type { RequestContext } from '../base/runtime.js'
import { FetchGuardRequest } from '../web/fetch-request.js'
import type { Permission } from '../web/permission.js'
import { announcesBody } from '../web/request-body.js'

/** On Workers; Hono throws if the host has none. */
function waitUntilOf(c: Context): ((work: Promise<unknown>) => void) | undefined {
  try {
    const context = c.executionCtx
    return (work) => context.waitUntil(work)
  } catch {
    return undefined
  }
}

/**
 * On Node a handler could write to the response itself, past the filter, so it must not find one.
 * Its request then fails, and nothing is sent.
 */
function hideSocket(c: Context): void {
  const env: unknown = c.env
  if (isJsonObject(env) && 'outgoing' in env) c.env = { ...env, outgoing: undefined }
}

/** The Node request from which `@hono/node-server` made this one. */
function requestBelow(c: Context): Readonly<Record<string, unknown>> | undefined {
  const env: unknown = c.env
  const below = isJsonObject(env) ? env['incoming'] : undefined
  return isJsonObject(below) ? below : undefined
}

export class HonoGuardRequest extends FetchGuardRequest {
  readonly #c: Context
  /** Hono still has a body that earlier middleware has read. */
  #isKept: boolean | undefined

  constructor(c: Context) {
    super(c.req.raw)
    this.#c = c
  }

  override get path(): string {
    return this.#c.req.path
  }
  /** The path as sent, if the application routes by another (`getPath`) or by the decoded path. */
  get otherPath(): string | undefined {
    const sent = super.path
    return sent === this.#c.req.path ? undefined : sent
  }
  override get mounted(): boolean {
    const path = routePath(this.#c)
    return path !== '*' && path !== '/*'
  }
  override get peerAddress(): string | undefined {
    const socket = requestBelow(this.#c)?.['socket']
    const address = isJsonObject(socket) ? socket['remoteAddress'] : undefined
    return typeof address === 'string' ? address : undefined
  }
  override get waitUntil(): RequestContext['waitUntil'] {
    return waitUntilOf(this.#c)
  }

  /** On Node the body of a GET is gone, and only the underlying request shows it. */
  override bringsBody(): boolean | Promise<boolean> {
    const { req } = this.#c
    const below = requestBelow(this.#c)
    if (below !== undefined) {
      const { stream } = below
      const isOpen = isJsonObject(stream) && stream['endAfterHeaders'] === false
      return isOpen || announcesBody((name) => this.header(name))
    }
    this.#isKept = req.raw.bodyUsed
    if (this.#isKept) return req.arrayBuffer().then(({ byteLength }) => byteLength > 0)
    return super.bringsBody()
  }

  override async readBody(limit: number): Promise<Uint8Array | undefined> {
    const { req } = this.#c
    this.#isKept ??= req.raw.bodyUsed
    if (!this.#isKept) return super.readBody(limit)
    const body = new Uint8Array(await req.arrayBuffer())
    return body.length > limit ? undefined : body
  }

  /** Replaces the request with the one that was authorized. */
  hand(permission: Permission): void {
    if (permission.filter !== undefined) hideSocket(this.#c)
    this.#c.req.raw = this.forHandler(permission)
  }
}
