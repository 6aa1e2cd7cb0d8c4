/**
 * The ways to authenticate at an introspection endpoint, by the names of the IANA registry "OAuth Token Endpoint
 * Authentication Methods".
 *
 * @module
 */

/** Every method, the default first. */
export const INTROSPECTION_AUTHENTICATIONS = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
  'none',
] as const

export type IntrospectionAuthentication = (typeof INTROSPECTION_AUTHENTICATIONS)[number]
