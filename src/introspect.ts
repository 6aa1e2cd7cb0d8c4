/**
 * Token introspection (RFC 7662) with openid-client.
 *
 * Adding a name here is a decision about the public API.
 *
 * @module
 */
export type { TokenIntrospectorOptions } from './rs/introspector-settings.js'
export { createTokenIntrospector, type ClientIntrospector } from './rs/token-introspector.js'
export type { IntrospectionAuthentication } from './introspect/authentication-methods.js'
export type { TokenIntrospection, TokenIntrospector } from './types.js'
