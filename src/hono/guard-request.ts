/**
 * A request in Hono's context, as a guard sees it.
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

/** Of Workers; Hono throws where the host has none. */
function waitUntilOf(c: Context): ((work: Promise<unknown>) => void) | undefined {
  try {
    const context = c.executionCtx
    return (work) => context.waitUntil(work)
  } catch {
    return undefined
  }
}

/**
 * On Node a handler may write to the socket itself, past everything that is filtered: then it must find none. Its
 * request fails, and nothing is shown.
 */
function hideSocket(c: Context): void {
  const env: unknown = c.env
  if (isJsonObject(env) && 'outgoing' in env) c.env = { ...env, outgoing: undefined }
}

/** The request of Node that `@hono/node-server` made this one of. */
function requestBelow(c: Context): Readonly<Record<string, unknown>> | undefined {
  const env: unknown = c.env
  const below = isJsonObject(env) ? env['incoming'] : undefined
  return isJsonObject(below) ? below : undefined
}

export class HonoGuardRequest extends FetchGuardRequest {
  readonly #c: Context
  /** What a middleware before us has read, Hono still has. */
  #isKept: boolean | undefined

  constructor(c: Context) {
    super(c.req.raw)
    this.#c = c
  }

  override get path(): string {
    return this.#c.req.path
  }
  /** What was sent, where the application routes by something else (`getPath`) or by the decoded path. */
  get otherPath(): string | undefined {
    const sent = super.path
    return sent === this.#c.req.path ? undefined : sent
  }
  override get mounted(): boolean {
    const path = routePath(this.#c)
    return path !== '*' && path !== '/*'
  }
  override get waitUntil(): RequestContext['waitUntil'] {
    return waitUntilOf(this.#c)
  }

  /** On Node the body of a GET is gone, and only the request below can tell. */
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

  /** Puts the request that was judged in place of the one that came. */
  hand(permission: Permission): void {
    if (permission.filter !== undefined) hideSocket(this.#c)
    this.#c.req.raw = this.forHandler(permission)
  }
}
