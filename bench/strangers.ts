/**
 * What bad tokens do to users whose tokens are asked about: `node --import tsx bench/strangers.ts [DIST]`, against the
 * build in a folder. 20 seconds of four bad tokens a second beside two users a second, over real connections, for
 * providers that answer bad tokens in many ways. Exit code 1 when a user was not served, or waited longer than allowed.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const dist = resolve(process.argv[2] ?? 'dist')
const load = <T>(file: string) => import(pathToFileURL(`${dist}/${file}`).href) as Promise<T>
const { createResourceServer } = await load<typeof import('mcp-gatehouse')>('index.js')
const { createTokenIntrospector } =
  await load<typeof import('mcp-gatehouse/introspect')>('introspect.js')

const SECONDS = 20
/** `--oauth-wait`, in seconds. */
const WAIT = 3
const RESOURCE = 'https://mcp.example.com/mcp'

type Trouble = (response: ServerResponse, request: IncomingMessage) => void

const status = (code: number): Trouble => {
  return (response) => response.writeHead(code).end('<h1>no')
}
const TROUBLE: Readonly<Record<string, Trouble>> = {
  '400': status(400),
  '401': status(401),
  '403': status(403),
  '413': status(413),
  '500': status(500),
  reset: (_, { socket }) => socket.resetAndDestroy(),
  drop: (_, { socket }) => socket.end(),
  hang: () => undefined,
}

interface Provider {
  readonly issuer: string
  calls: number
  close(): void
}

async function startProvider(trouble: Trouble, isBad: (token: string) => boolean) {
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      const json = (claims: object) => {
        response.setHeader('content-type', 'application/json').end(JSON.stringify(claims))
      }
      const { issuer } = provider
      if (request.method === 'GET') {
        return json({ issuer, introspection_endpoint: `${issuer}/introspect` })
      }
      provider.calls++
      const token = new URLSearchParams(body).get('token') ?? ''
      if (isBad(token)) return trouble(response, request)
      if (!token.startsWith('good')) return json({ active: false })
      const exp = Math.floor(Date.now() / 1000) + 300
      json({ active: true, sub: 'user', aud: RESOURCE, client_id: 'c', exp })
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const provider: Provider = {
    issuer: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: 0,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
  return provider
}

interface Tally {
  users: number
  unserved: number
  slowest: number
  slowestBad: number
  refused: number
}

async function measure(name: string, whose: string, isBad: (token: string) => boolean) {
  const provider = await startProvider(TROUBLE[name] as Trouble, isBad)
  const { issuer } = provider
  const introspector = createTokenIntrospector({
    issuer,
    clientId: 'rs',
    clientSecret: 'secret',
    wait: WAIT,
  })
  const resourceServer = createResourceServer({
    resource: RESOURCE,
    authorizationServers: { issuer, introspector },
    wait: WAIT,
  })
  const tally: Tally = { users: 0, unserved: 0, slowest: 0, slowestBad: 0, refused: 0 }
  let count = 0
  async function send(who: 'good' | 'bad'): Promise<void> {
    const began = performance.now()
    const { outcome } = await resourceServer.authenticate({
      authorization: `Bearer ${who}_opaque_token_no_${count++}`,
    })
    const took = performance.now() - began
    if (who === 'bad') {
      tally.slowestBad = Math.max(tally.slowestBad, took)
      if (outcome === 'denied') tally.refused++
      return
    }
    tally.users++
    tally.slowest = Math.max(tally.slowest, took)
    if (outcome !== 'authenticated') tally.unserved++
  }
  const sent: Promise<void>[] = []
  for (let quarter = 0; quarter < SECONDS * 4; quarter++) {
    if (quarter % 2 === 0) sent.push(send('good'))
    sent.push(send('bad'))
    await new Promise((done) => setTimeout(done, 250))
  }
  await Promise.all(sent)
  provider.close()
  const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(2)} s`
  return {
    'bad tokens get': name,
    which: whose,
    users: tally.users,
    'not served': tally.unserved,
    'slowest user': seconds(tally.slowest),
    'slowest bad': seconds(tally.slowestBad),
    calls: provider.calls,
    'bad called 401': tally.refused,
    missed: tally.unserved > 0 || tally.slowest > WAIT * 1000 + 200,
  }
}

const rows = await Promise.all(
  Object.keys(TROUBLE).flatMap((name) => [
    measure(name, 'marked', (token) => token.startsWith('bad')),
    measure(name, 'unknown', (token) => !token.startsWith('good')),
  ]),
)
console.table(rows)
process.exitCode = rows.some(({ missed }) => missed) ? 1 : 0
