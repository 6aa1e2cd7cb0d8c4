/**
 * The ways to authenticate at an introspection endpoint: by the names of the IANA registry "OAuth Token Endpoint
 * Authentication Methods", and `bearer` for the separate bearer token of RFC 7662 §2.1, which may be an API key.
 *
 * @module
 */

/** Every method, the default first. */
export const INTROSPECTION_AUTHENTICATIONS = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
  'bearer',
  'none',
] as const

export type IntrospectionAuthentication = (typeof INTROSPECTION_AUTHENTICATIONS)[number]
