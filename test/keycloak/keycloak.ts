/** The Keycloak that a file of tests wants; the landlord has it, and keeps it for the next file. */
import { inject } from 'vitest'
import { Admin } from './admin.js'
import type { Demand, Lease, Wanted } from './landlord.js'

async function demand(body: Demand): Promise<Lease> {
  const answer = await fetch(inject('landlord'), { method: 'POST', body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(await answer.text())
  return (await answer.json()) as Lease
}

export class Keycloak {
  readonly origin: string
  readonly issuer: string
  /** The endpoints of OpenID Connect begin so. */
  readonly protocol: string
  /** The resource identifier that the realm of the guide was imported with. */
  readonly resource: string
  readonly admin: Admin
  readonly #wanted: Wanted

  private constructor({ origin, resource }: Lease, wanted: Wanted) {
    this.origin = origin
    this.issuer = `${origin}/realms/mcp`
    this.protocol = `${this.issuer}/protocol/openid-connect`
    this.resource = resource
    this.admin = new Admin(origin)
    this.#wanted = wanted
  }

  /** With the realm and the users of `examples/keycloak`. Files that want the same share one. */
  static async get(wanted: Partial<Wanted> = {}): Promise<Keycloak> {
    const complete = { features: 'plain', hostname: 'set', ...wanted } as const
    return new Keycloak(await demand({ want: 'running', ...complete }), complete)
  }

  /** Makes room for one that is started by other means. */
  static async leave(): Promise<void> {
    await demand({ want: 'nothing' })
  }

  async stop(): Promise<void> {
    await demand({ want: 'stopped' })
  }

  /** Again, with the data it had. */
  async start(): Promise<void> {
    await demand({ want: 'running', ...this.#wanted })
  }
}
