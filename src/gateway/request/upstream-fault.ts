/**
 * Faults of the upstream, by code, with advice for the operator.
 *
 * @module
 */
import { isPlainHttp, PLAIN_HTTP } from '../../base/http.js'
import { quoted, type UpstreamErrorCode } from '../../errors.js'
import { whereThrown } from '../../events.js'
import { UnfilterableAnswer } from '../../policy/list-filter.js'

export interface UpstreamFault {
  readonly code: UpstreamErrorCode
  readonly reason: string
  readonly hint?: string
  /** Seconds until a retry may help, for the client. */
  readonly retryAfter?: number
  /** The log has had a warning about it within a minute. */
  readonly isRepeated?: true
}

export const TOO_LATE: UpstreamFault = {
  code: 'ERR_UPSTREAM_TIMEOUT',
  reason: 'no answer in time',
  hint: '--upstream-timeout sets how long to wait',
}

const TLS_HINT = 'if the port speaks TLS, write https in --upstream'

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}

/** Codes of a connection that was closed, by a reset or in order. */
const RESETS = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'])

/** Whether the upstream closed the connection. */
export function isReset(error: Error): boolean {
  return RESETS.has(codeOf(error))
}

/** The fault for an error that undici reports before an answer began. */
export function faultOfError(error: Error): UpstreamFault {
  const code = codeOf(error)
  switch (code) {
    case 'UND_ERR_HEADERS_TIMEOUT':
      return TOO_LATE
    case 'UND_ERR_CONNECT_TIMEOUT':
      return { code: 'ERR_UPSTREAM_TIMEOUT', reason: 'no connection in time' }
    case 'UND_ERR_SOCKET':
      return {
        code: 'ERR_UPSTREAM_UNREACHABLE',
        reason: 'the connection was closed before an answer came',
        hint: `look at its own log; ${TLS_HINT}`,
      }
    case 'UND_ERR_HEADERS_OVERFLOW':
      return { code: 'ERR_UPSTREAM_INVALID', reason: 'its header is too large' }
    case 'ECONNREFUSED':
      return {
        code: 'ERR_UPSTREAM_UNREACHABLE',
        reason: 'ECONNREFUSED: no server listens there',
        hint: 'start the server, or correct --upstream',
      }
    default:
      if (code.startsWith('HPE_')) {
        return {
          code: 'ERR_UPSTREAM_INVALID',
          reason: `its answer is not HTTP (${code})`,
          hint: TLS_HINT,
        }
      }
      return isPlainHttp(error)
        ? {
            code: 'ERR_UPSTREAM_UNREACHABLE',
            reason: PLAIN_HTTP,
            hint: 'write http in --upstream, or the port that speaks TLS',
          }
        : { code: 'ERR_UPSTREAM_UNREACHABLE', reason: code }
  }
}

/** The target of a redirect, without a query, which could hold a key. */
function withoutQuery(location: string, base: URL): string | undefined {
  if (!URL.canParse(location, base)) return undefined
  const { origin, pathname, protocol } = new URL(location, base)
  return /^https?:$/.test(protocol) ? `${origin}${pathname}` : undefined
}

/** The fault for a status that must not reach the client, or `undefined`. */
export function faultOfStatus(
  status: number,
  location: string | undefined,
  upstream: URL,
): UpstreamFault | undefined {
  if (status === 421) {
    return {
      code: 'ERR_UPSTREAM_INVALID',
      reason: 'it answered 421: it does not accept our Host',
      hint: 'let it accept this Host, or send it another one with --upstream-host',
    }
  }
  if (status === 401 || status === 403) {
    return {
      code: 'ERR_UPSTREAM_UNAUTHORIZED',
      reason: `it answered ${status}`,
      hint: 'the gateway accepted the client and does not forward its token: switch off the authorization of the upstream, send it a key with --upstream-header, or let it accept this Host (--upstream-host sends another one) and requests without Origin',
    }
  }
  if (status === 304 || status < 300 || status > 399) return undefined
  const target = location === undefined ? undefined : withoutQuery(location, upstream)
  return {
    code: 'ERR_UPSTREAM_REDIRECT',
    reason: `it answered ${status}, a redirect${target === undefined ? '' : ` to ${quoted(target, 200)}`}, which is not followed`,
    hint:
      target === undefined
        ? 'configure the exact endpoint'
        : `configure the exact endpoint: --upstream ${quoted(target, 200).slice(1, -1)}`,
  }
}

/**
 * The fault for an answer whose list cannot be filtered. The reason is in our own words, or names
 * where a policy function threw, without its message.
 */
export function faultOfFilter(error: unknown): UpstreamFault {
  const why = error instanceof UnfilterableAnswer ? error.message : whereThrown(error)
  return { code: 'ERR_UPSTREAM_INVALID', reason: `its list cannot be filtered: ${why}` }
}

/** The message for the client. */
export function wordingOf({ code }: UpstreamFault): {
  readonly status: number
  readonly error: string
  readonly description: string
} {
  switch (code) {
    case 'ERR_UPSTREAM_TIMEOUT':
      return {
        status: 504,
        error: 'gateway_timeout',
        description: 'The MCP server did not answer in time',
      }
    case 'ERR_UPSTREAM_CREDENTIALS_UNAVAILABLE':
      return {
        status: 503,
        error: 'temporarily_unavailable',
        description: 'The MCP server cannot be used at the moment',
      }
    default:
      return { status: 502, error: 'bad_gateway', description: 'The MCP server could not answer' }
  }
}

/** The header that says when to try again, if a fault knows it. */
export function retryAfterOf({ retryAfter }: UpstreamFault): Readonly<Record<string, string>> {
  return retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }
}
