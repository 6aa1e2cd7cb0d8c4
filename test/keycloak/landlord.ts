/**
 * Who owns the one Keycloak that runs at any time. It lives in Vitest's main process, so that files of tests
 * share a server, may stop it, and leave none behind; they ask for it by HTTP.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { freePort } from '../clients/child.js'
import { homeOf, install, type FeatureSet } from './distribution.js'
import { Server } from './server.js'

/** Which Keycloak a file of tests wants. */
export interface Wanted {
  readonly features: FeatureSet
  /** Whether its public name is set, as the guide says, or follows each request, which is its default. */
  readonly hostname: 'set' | 'from request'
}

export type Demand =
  | ({ readonly want: 'running' } & Wanted)
  | { readonly want: 'stopped' }
  | { readonly want: 'nothing' }

export interface Lease {
  readonly origin: string
  /** The resource identifier that its realm knows. */
  readonly resource: string
}

declare module 'vitest' {
  interface ProvidedContext {
    landlord: string
  }
}

/** What Vitest calls before the tests. Returns what it calls after them. */
export async function setup({
  provide,
}: {
  provide(key: 'landlord', value: string): void
}): Promise<() => Promise<void>> {
  await install()
  const port = await freePort()
  const managementPort = await freePort()
  const resource = `http://127.0.0.1:${await freePort()}/mcp`
  let tenant: { readonly features: FeatureSet; readonly server: Server } | undefined

  async function vacate(): Promise<void> {
    await tenant?.server.remove()
    tenant = undefined
  }

  async function meet(demand: Demand): Promise<Lease> {
    const origin = `http://127.0.0.1:${port}`
    if (demand.want === 'nothing') await vacate()
    else if (demand.want === 'stopped') await tenant?.server.stop()
    else {
      const { features, hostname } = demand
      if (tenant?.features !== features) {
        await vacate()
        const server = new Server({
          home: homeOf(features),
          port,
          managementPort,
          resource,
        })
        tenant = { features, server }
      }
      await tenant.server.start(hostname)
    }
    return { origin, resource }
  }

  const office = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk) => (text += String(chunk)))
    request.on('end', () => {
      meet(JSON.parse(text) as Demand).then(
        (lease) => response.end(JSON.stringify(lease)),
        (error: unknown) => response.writeHead(500).end(String(error)),
      )
    })
  })
  // Starting takes longer than most requests do.
  office.requestTimeout = 0
  await new Promise<void>((resolve) => office.listen(0, '127.0.0.1', resolve))
  provide('landlord', `http://127.0.0.1:${(office.address() as AddressInfo).port}`)
  return async () => {
    await vacate()
    office.closeAllConnections()
    office.close()
  }
}
