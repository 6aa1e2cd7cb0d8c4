/**
 * The authorization server of a resource, and the endpoints that a login needs.
 *
 * @module
 */
import {
  discoverAuthorizationServer,
  isTrustworthyEndpoint,
  type AuthorizationServerMetadata,
} from '../../discovery/authorization-server.js'
import { AuthorizationServerError, quoted } from '../../errors.js'
import { CommandFault } from '../command-fault.js'
import { REQUEST_TIMEOUT, type Network } from './network.js'

type EndpointName =
  | 'authorization_endpoint'
  | 'token_endpoint'
  | 'registration_endpoint'
  | 'device_authorization_endpoint'

export interface AuthorizationServer {
  readonly issuer: string
  readonly metadata: AuthorizationServerMetadata
  /**
   * The URL of an endpoint. It is https, unless both it and the issuer are on loopback.
   *
   * @throws {CommandFault}
   */
  endpoint(name: EndpointName): string
  /** Whether a list in its metadata has the value. `undefined`: it has no such list. */
  lists(name: string, value: string): boolean | undefined
}

function create(metadata: AuthorizationServerMetadata): AuthorizationServer {
  const { issuer } = metadata
  return {
    issuer,
    metadata,
    endpoint(name) {
      const value = metadata[name]
      // A browser would run `javascript:`, and a shell more than that.
      if (isTrustworthyEndpoint(value, issuer, {})) return new URL(value).href
      throw value === undefined
        ? new CommandFault(`${issuer} has no ${name}`, 'it does not offer this way to log in')
        : new CommandFault(
            `${issuer} names the ${name} ${quoted(value)}, which is not an https URL`,
            'its administrator must correct its metadata',
          )
    },
    lists(name, value) {
      const list = metadata[name]
      return Array.isArray(list) ? list.includes(value) : undefined
    },
  }
}

/**
 * Reads its metadata, which must name the issuer byte for byte (RFC 8414 §3.3).
 *
 * @throws {CommandFault}
 */
export async function findAuthorizationServer(
  issuer: string,
  { fetch, signal }: Network,
): Promise<AuthorizationServer> {
  try {
    const options = { fetch, signal, timeout: REQUEST_TIMEOUT }
    return create(await discoverAuthorizationServer(issuer, options))
  } catch (error) {
    if (!(error instanceof AuthorizationServerError)) throw error
    const isOther = error.message.includes('names the issuer')
    throw new CommandFault(
      error.message,
      isOther
        ? '--oauth-issuer of the gateway must be what the metadata says, byte for byte: look at the slash at the end'
        : 'is it running, and can this machine reach it?',
    )
  }
}
