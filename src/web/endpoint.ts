/**
 * The paths of one resource: those of its metadata, and those that are guarded.
 *
 * @module
 */
import {
  mirroredMetadataPaths,
  protectedResourceMetadataPaths,
  type ProtectedResourceMetadata,
} from '../discovery/protected-resource.js'
import { errorBody } from '../rs/decision.js'
import { answer, type GuardAnswer } from './answers.js'
import { encodeNonAscii, guardedPaths, otherSlash } from './paths.js'

/** The parts of a request that say what it is addressed to. Members may be getters. */
export interface LocatedRequest {
  readonly method: string
  /** Without the query, as it was sent. */
  readonly path: string
  /**
   * The other path, if the one that was sent and the one that the router uses differ: either may be
   * guarded.
   */
  readonly otherPath?: string | undefined
  /**
   * True when the host application mounted the guard at its own path: then every request is
   * guarded.
   */
  readonly mounted: boolean
}

export interface EndpointOptions {
  readonly resource: string
  readonly metadata: ProtectedResourceMetadata
  /** The path at which the endpoint is served. */
  readonly path: string
  /** Also serve the metadata without the resource's path. */
  readonly rootMetadata: boolean
  /** Also serve the metadata of the authorization server. */
  readonly mirrorMetadata: boolean
}

const METADATA_METHODS = 'GET, HEAD, OPTIONS'

/** Answers a request for a document that everybody may read. */
export function serveMetadata(method: string, text: string): GuardAnswer {
  const cors = { 'Access-Control-Allow-Origin': '*' }
  if (method === 'GET' || method === 'HEAD') {
    const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'max-age=300', ...cors }
    return answer(200, headers, method === 'HEAD' ? '' : text)
  }
  if (method === 'OPTIONS') {
    return answer(204, {
      Allow: METADATA_METHODS,
      'Access-Control-Allow-Methods': METADATA_METHODS,
      // The wildcard does not cover Authorization, which some clients send even here.
      'Access-Control-Allow-Headers': 'Authorization, *',
      'Access-Control-Max-Age': '86400',
      ...cors,
    })
  }
  return answer(
    405,
    { Allow: METADATA_METHODS, 'Content-Type': 'application/json', ...cors },
    errorBody('method_not_allowed', 'The metadata can only be read'),
  )
}

/**
 * The paths at which the metadata of a resource is served. A client that was given the URL with another last slash
 * looks there.
 */
export function metadataPaths(resource: string, rootMetadata: boolean): ReadonlySet<string> {
  return formsOf(protectedResourceMetadataPaths(resource), rootMetadata)
}

/** The same for the mirrored metadata of the authorization server. */
export function mirrorPaths(resource: string, rootMetadata: boolean): ReadonlySet<string> {
  return formsOf(mirroredMetadataPaths(resource), rootMetadata)
}

function formsOf(
  [ownPath, rootPath]: readonly [string, string],
  rootMetadata: boolean,
): ReadonlySet<string> {
  const forms = [ownPath, otherSlash(ownPath), ...(rootMetadata ? [rootPath] : [])]
  return new Set(forms.filter((form) => form !== undefined))
}

export class Endpoint {
  readonly #path: string
  readonly #otherPath: string | undefined
  readonly #isGuarded: (path: string | undefined) => boolean
  readonly #metadataPaths: ReadonlySet<string>
  readonly #metadataText: string
  readonly #mirrorPaths: ReadonlySet<string>

  constructor({ resource, metadata, path, rootMetadata, mirrorMetadata }: EndpointOptions) {
    this.#path = path
    this.#otherPath = otherSlash(path)
    this.#isGuarded = guardedPaths(path)
    this.#metadataPaths = metadataPaths(resource, rootMetadata)
    this.#metadataText = JSON.stringify(metadata)
    this.#mirrorPaths = mirrorMetadata ? mirrorPaths(resource, rootMetadata) : new Set()
  }

  /** The path at which the endpoint is served. */
  get path(): string {
    return this.#path
  }

  /** Whether this is the endpoint's path but for its last slash. */
  isOtherSlash(path: string): boolean {
    return path === this.#otherPath
  }

  /** @returns the metadata, `guarded`, `mirror` (the metadata of the authorization server), or `elsewhere` */
  locate(request: LocatedRequest): GuardAnswer | 'guarded' | 'mirror' | 'elsewhere' {
    const { path } = request
    // Most requests use the endpoint's exact path and need none of this.
    if (path === this.#path) return 'guarded'
    const encoded = encodeNonAscii(path)
    if (this.#metadataPaths.has(encoded)) return serveMetadata(request.method, this.#metadataText)
    if (this.#mirrorPaths.has(encoded)) return 'mirror'
    const isOurs = this.#isGuarded(path) || request.mounted || this.#isGuarded(request.otherPath)
    return isOurs ? 'guarded' : 'elsewhere'
  }
}
