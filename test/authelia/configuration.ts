/** What 4.37.5 is configured with, in its words; `examples/authelia/configuration.yml` says the same in those of 4.39. */
import { stringify } from 'yaml'

export interface ConfigurationOptions {
  readonly port: number
  readonly resource: string
  /** The folder with the certificate. */
  readonly secrets: string
  /** As Authelia keeps it: `$plaintext$…` or a digest. */
  readonly gatewaySecret: string
  readonly passwordDigest: string
  readonly random: string
  readonly issuerKey: string
}

/** The client that people have, by the id that they type. */
export const CLIENT = 'mcp-client'
/** Ours. */
export const GATEWAY = 'mcp-gatehouse'
/** One more like ours, whose id and secret are nothing without encoding. */
export const ODD = { clientId: 'a+b%c:d', clientSecret: 'e:f%g+h i/ü' } as const

export function configuration(options: ConfigurationOptions): string {
  const { port, resource, secrets, gatewaySecret, random, issuerKey } = options
  const confidential = {
    authorization_policy: 'one_factor',
    redirect_uris: [],
    grant_types: ['client_credentials'],
    scopes: ['groups'],
    // It may be asked for, and 4.37.5 does not grant it.
    audience: [resource],
  }
  return stringify({
    server: {
      host: '127.0.0.1',
      port,
      tls: { certificate: `${secrets}/tls/public.crt`, key: `${secrets}/tls/private.pem` },
    },
    log: { level: 'warn' },
    jwt_secret: random,
    default_redirection_url: `https://127.0.0.1:${port}/`,
    // It would ask a server outside.
    ntp: { disable_startup_check: true },
    authentication_backend: { password_reset: { disable: true }, file: { path: 'users.yml' } },
    access_control: { default_policy: 'one_factor' },
    session: { secret: random, domain: '127.0.0.1' },
    storage: { encryption_key: random, local: { path: 'db.sqlite3' } },
    notifier: { filesystem: { filename: 'mail.txt' } },
    identity_providers: {
      oidc: {
        hmac_secret: random,
        issuer_private_key: issuerKey,
        clients: [
          {
            id: CLIENT,
            public: true,
            authorization_policy: 'one_factor',
            consent_mode: 'implicit',
            redirect_uris: ['http://127.0.0.1/callback'],
            scopes: ['openid', 'offline_access', 'profile', 'groups', 'email'],
            grant_types: ['authorization_code', 'refresh_token'],
            // Its own id too, or every refresh fails.
            audience: [resource, `${resource}/below`, CLIENT],
          },
          { id: GATEWAY, secret: gatewaySecret, ...confidential },
          { id: ODD.clientId, secret: `$plaintext$${ODD.clientSecret}`, ...confidential },
        ],
      },
    },
  })
}

export function users({ passwordDigest }: Pick<ConfigurationOptions, 'passwordDigest'>): string {
  const alice = {
    displayname: 'Alice',
    password: passwordDigest,
    email: 'alice@example.com',
    groups: ['mcp'],
  }
  return stringify({ users: { alice } })
}
