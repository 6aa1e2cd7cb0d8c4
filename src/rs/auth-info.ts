/**
 * The bridge to both generations of the MCP SDK: its `AuthInfo` and its token verifier.
 *
 * @module
 */
import { BearerTokenError } from '../errors.js'
import type { AuthInfo, VerifiedAccessToken } from '../types.js'
import { usableUntil } from './answer-end.js'
import type { ResourceServer } from './resource-server.js'

/**
 * The SDK's `AuthInfo` of a verified token: tool handlers see it as `extra.authInfo` (first
 * generation) or `ctx.http.authInfo` (second). Made anew for every request, so handlers may change
 * it.
 *
 * @example
 * ```ts
 * import { createResourceServer, toAuthInfo } from 'mcp-gatehouse'
 *
 * const resourceServer = createResourceServer({
 *   resource: 'https://mcp.example.com/mcp',
 *   authorizationServers: 'https://sso.example.com/realms/mcp',
 * })
 * const decision = await resourceServer.authenticate({ authorization: 'Bearer …' })
 * if (decision.outcome === 'authenticated') {
 *   const auth = toAuthInfo(decision.token, decision.bearer)
 *   console.log(auth.clientId, auth.scopes)
 * }
 * ```
 */
export function toAuthInfo(token: VerifiedAccessToken, bearer: string): AuthInfo {
  const { issuer, subject, clientId, scopes, audience, expiresAt } = token
  return {
    token: bearer,
    clientId: clientId ?? subject ?? '',
    scopes: [...scopes],
    ...(expiresAt !== undefined && { expiresAt }),
    extra: { issuer, subject, audience: [...audience] },
  }
}

type ErrorClass = new (message: string) => Error

/** The error classes of the first generation: the module `@modelcontextprotocol/sdk/server/auth/errors.js`. */
export interface SdkErrorsV1 {
  readonly InvalidTokenError: ErrorClass
  readonly InsufficientScopeError: ErrorClass
}

/** The error class of the second generation, from `@modelcontextprotocol/server`. */
export interface SdkErrorsV2<Code> {
  readonly OAuthError: new (code: Code, message: string) => Error
  readonly OAuthErrorCode: { readonly InvalidToken: Code; readonly InsufficientScope: Code }
}

/** The verifier that both generations of the SDK take. */
export interface OAuthTokenVerifier {
  verifyAccessToken(token: string): Promise<AuthInfo>
}

function refusalsOf<Code>(
  errors: SdkErrorsV1 | SdkErrorsV2<Code>,
): Record<'invalidToken' | 'insufficientScope', (message: string) => Error> {
  if ('InvalidTokenError' in errors) {
    return {
      invalidToken: (message) => new errors.InvalidTokenError(message),
      insufficientScope: (message) => new errors.InsufficientScopeError(message),
    }
  }
  const { OAuthError, OAuthErrorCode } = errors
  return {
    invalidToken: (message) => new OAuthError(OAuthErrorCode.InvalidToken, message),
    insufficientScope: (message) => new OAuthError(OAuthErrorCode.InsufficientScope, message),
  }
}

/**
 * A verifier for the SDK's own `requireBearerAuth`. Prefer our middleware: the SDK's answers an
 * outage of the identity provider with 500, names an error when no credentials were sent, and
 * cannot detect two credentials.
 *
 * The SDK's gate refuses a token without an end. If an introspected token names none, `expiresAt` is
 * the end of its answer, but at least a minute from now.
 *
 * @param errors the SDK's error classes; the kernel does not depend on the SDK
 *
 * @example
 * ```ts
 * import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
 * import * as errors from '@modelcontextprotocol/sdk/server/auth/errors.js'
 * import { createResourceServer, toOAuthTokenVerifier } from 'mcp-gatehouse'
 *
 * const resourceServer = createResourceServer({
 *   resource: 'https://mcp.example.com/mcp',
 *   authorizationServers: 'https://sso.example.com/realms/mcp',
 * })
 * export const gate = requireBearerAuth({
 *   verifier: toOAuthTokenVerifier(resourceServer, errors),
 *   resourceMetadataUrl: resourceServer.metadataUrl,
 * })
 * ```
 */
export function toOAuthTokenVerifier<Code = never>(
  resourceServer: ResourceServer,
  errors: SdkErrorsV1 | SdkErrorsV2<Code>,
): OAuthTokenVerifier {
  const { invalidToken, insufficientScope } = refusalsOf(errors)
  return {
    async verifyAccessToken(token) {
      let verified: VerifiedAccessToken
      try {
        verified = await resourceServer.verifyAccessToken(token)
      } catch (error) {
        // The exact reason is for our events; this text reaches the client.
        if (error instanceof BearerTokenError) {
          throw invalidToken(
            error.code === 'ERR_TOKEN_EXPIRED'
              ? 'The access token has expired'
              : 'The access token is not valid here',
          )
        }
        throw error
      }
      if (resourceServer.authorize(verified, []) !== undefined) {
        throw insufficientScope('The access token lacks a scope that this request needs')
      }
      const expiresAt = usableUntil(verified)
      return {
        ...toAuthInfo(verified, token),
        ...(expiresAt !== undefined && { expiresAt }),
        resource: new URL(resourceServer.resource),
        resourceMetadataUrl: resourceServer.metadataUrl,
      }
    },
  }
}
