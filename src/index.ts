/**
 * The kernel: an OAuth 2.1 resource server for MCP, on any runtime.
 *
 * Adding a name here is a decision about the public API.
 *
 * @module
 */
export {
  createMemoryAnswerStore,
  type AnswerStore,
  type MemoryAnswerStoreOptions,
} from './base/answer-store.js'
export {
  discoverAuthorizationServer,
  type AuthorizationServerMetadata,
  type DiscoverAuthorizationServerOptions,
} from './discovery/authorization-server.js'
export {
  protectedResourceMetadataUrl,
  type ProtectedResourceMetadata,
} from './discovery/protected-resource.js'
export type { KeySetStatus } from './discovery/key-set.js'
export { SIGNATURE_ALGORITHMS } from './discovery/signing-key.js'
export {
  AuthorizationServerError,
  BearerTokenError,
  ConfigurationError,
  type AuthorizationServerErrorCode,
  type BearerTokenErrorCode,
  type ConfigurationProblem,
} from './errors.js'
export type {
  EventListener,
  IntrospectionAnswered,
  IntrospectionFailed,
  KeysFailed,
  KeysLoaded,
  OperationJudged,
  OperationLimited,
  OperationThrottled,
  OperationUnreadable,
  OriginRefused,
  RequestAuthenticated,
  RequestDenied,
  RequestFailed,
  MetadataUnmirrored,
  RequestUnavailable,
  ResourceServerEvent,
  SessionRefused,
  ScopesDropped,
  ClaimSuspected,
  PathSlash,
  RequestUnguarded,
  StoreFailed,
  TokenEnded,
} from './events.js'
export { logEvents, type LogEventsOptions } from './rs/log-events.js'
export {
  toAuthInfo,
  toOAuthTokenVerifier,
  type OAuthTokenVerifier,
  type SdkErrorsV1,
  type SdkErrorsV2,
} from './rs/auth-info.js'
export { formatChallenge, type Challenge } from './rs/challenge.js'
export type { Authenticated, Decision, Denied, Unavailable } from './rs/decision.js'
export type {
  AuthorizationServerOptions,
  ResourceServerOptions,
  TokenOptions,
} from './rs/options.js'
export type { McpOperation, McpTarget } from './mcp/operation.js'
export type { AuthorizeOperation } from './policy/policy.js'
export type { PolicyDocument, PolicyRule, ScopeWithForms } from './policy/document.js'
export type { PolicyLimit } from './policy/limit.js'
export type { TokenValidator } from './rs/token-validators.js'
export type { ApiKey, ApiKeysDocument } from './rs/api-keys.js'
export type { RequiredClaims } from './token/required-claims.js'
export { principalOf, type Principal } from './rs/principal.js'
export {
  createResourceServer,
  type AuthenticationRequest,
  type OperationRequest,
  type ResourceServer,
  type ResourceServerStatus,
} from './rs/resource-server.js'
export type {
  AccessTokenVerifier,
  AuthInfo,
  CreateTokenIntrospector,
  IntrospectorContext,
  RuntimeHooks,
  TokenIntrospection,
  TokenIntrospector,
  VerifiedAccessToken,
} from './types.js'
