/** The compose files of the guides. No container engine is at hand: their shape, and the gateway's command line. */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { rootCertificates } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { runCheck } from '../../src/cli/check.js'
import { writeTemporary } from '../support/cli.js'
import { guideBlock } from '../support/guides.js'
import { verifies } from '../support/verifies.js'

const EXAMPLES = resolve(import.meta.dirname, '../../examples')
const UPSTREAM = 'http://server:3001/mcp'

const Service = z.strictObject({
  image: z.string().regex(/^[\w./-]+:[\w.-]+$/),
  command: z.array(z.string()),
  environment: z.record(z.string(), z.string()).optional(),
  // On loopback only: these are demo users.
  ports: z.array(z.string().regex(/^127\.0\.0\.1:\d+:\d+$/)).optional(),
  volumes: z.array(z.string().regex(/^\.\/[\w./-]+:\/[\w./-]+:ro$/)).optional(),
  networks: z
    .union([
      z.array(z.string()),
      z.record(z.string(), z.strictObject({ aliases: z.array(z.string()) })),
    ])
    .optional(),
  working_dir: z.string().optional(),
  init: z.boolean().optional(),
})
const Compose = z.strictObject({
  services: z.record(z.string(), Service),
  networks: z.record(z.string(), z.null()),
})

async function check(argv: readonly string[]) {
  let stdout = ''
  let stderr = ''
  const io = {
    stdout: (text: string) => (stdout += text),
    stderr: (text: string) => (stderr += text),
  }
  const code = await runCheck([...argv, '--json'], {}, io)
  if (code !== 0) throw new Error(stderr)
  return (JSON.parse(stdout) as { readonly settings: Readonly<Record<string, unknown>> }).settings
}

function readCompose(guide: string): z.infer<typeof Compose> {
  return Compose.parse(parse(readFileSync(join(EXAMPLES, guide, 'compose.yaml'), 'utf8')))
}

verifies('FLD-12', 'npx as process 1 has an init, in every guide', () => {
  const guides = ['auth0', 'authelia', 'keycloak']
  const starters = guides.flatMap((guide) =>
    Object.values(readCompose(guide).services).filter(({ command }) => command[0] === 'npx'),
  )
  expect(starters.map(({ init }) => init)).toEqual(Array(2 * guides.length).fill(true))
})

describe('examples/auth0/compose.yaml', () => {
  const { services, networks } = readCompose('auth0')
  const { gateway, server } = services
  const settings = check((gateway?.command ?? []).slice(3))

  test('the gateway’s command line is right, and fits the server', async () => {
    expect(gateway?.command.slice(0, 3)).toEqual(['npx', '--yes', 'mcp-gatehouse'])
    const { port, upstream } = (await settings) as { port: number; upstream: string }
    expect(gateway?.ports).toEqual([`127.0.0.1:${port}:${port}`])
    expect(new URL(upstream)).toMatchObject({
      hostname: 'server',
      port: server?.environment?.['PORT'],
    })
  })

  test('it says what the command of the guide says', async () => {
    const [, , ...argv] = guideBlock('auth0', 'gateway').replaceAll('\\\n', ' ').trim().split(/\s+/)
    const inGuide = await check(argv.slice(0, argv.indexOf('--')).concat('--upstream', UPSTREAM))
    const { resource, oauth } = await settings
    expect({ resource, oauth }).toEqual({ resource: inGuide['resource'], oauth: inGuide['oauth'] })
    expect(oauth).toMatchObject({ issuer: ['https://TENANT.us.auth0.com/'] })
  })

  test('the server behind it is reached by the gateway alone', () => {
    expect(Object.keys(services)).toEqual(['gateway', 'server'])
    expect(server?.ports).toBeUndefined()
    expect(server?.networks).toEqual(['back'])
    expect(gateway?.networks).toEqual(['front', 'back'])
    expect(Object.keys(networks)).toEqual(['front', 'back'])
  })
})

describe('examples/keycloak/compose.yaml', () => {
  const { services, networks } = readCompose('keycloak')
  const { keycloak, gateway, server } = services
  const argv = (gateway?.command ?? []).slice(3)

  test('the gateway’s command line is right, and fits the other services', async () => {
    expect(gateway?.command.slice(0, 3)).toEqual(['npx', '--yes', 'mcp-gatehouse'])
    const settings = (await check(argv)) as {
      readonly resource: string
      readonly port: number
      readonly upstream: string
      readonly oauth: { readonly issuer: readonly string[] }
    }
    const { MCP_RESOURCE, KC_HOSTNAME } = keycloak?.environment ?? {}
    expect(settings.resource).toBe(MCP_RESOURCE)
    expect(settings.oauth.issuer).toEqual([`${KC_HOSTNAME}/realms/mcp`])
    expect(gateway?.ports).toEqual([`127.0.0.1:${settings.port}:${settings.port}`])
    expect(new URL(MCP_RESOURCE ?? '').port).toBe(String(settings.port))
    expect(keycloak?.ports).toEqual([`127.0.0.1:${new URL(KC_HOSTNAME ?? '').port}:8080`])
    expect(new URL(settings.upstream)).toMatchObject({
      hostname: 'server',
      port: server?.environment?.['PORT'],
    })
  })

  test('the server behind it is reached by the gateway alone', () => {
    expect(server?.ports).toBeUndefined()
    expect(server?.networks).toEqual(['back'])
    expect(keycloak?.networks).toEqual(['front'])
    expect(gateway?.networks).toEqual(['front', 'back'])
    expect(Object.keys(networks)).toEqual(['front', 'back'])
  })

  test('the files that Keycloak imports exist, under names that it takes for this realm', () => {
    const mounts = (keycloak?.volumes ?? []).map((volume) => volume.split(':'))
    for (const [file = ''] of mounts)
      expect(existsSync(join(EXAMPLES, 'keycloak', file))).toBe(true)
    expect(mounts.map(([, target]) => target)).toEqual([
      '/opt/keycloak/data/import/mcp-realm.json',
      '/opt/keycloak/data/import/mcp-users-0.json',
    ])
  })
})

describe('examples/authelia/compose.yaml', () => {
  const { services, networks } = readCompose('authelia')
  const { authelia, gateway, server } = services
  const argv = (gateway?.command ?? []).slice(3)
  /** Where in the container, and what of this folder. */
  const mounts = (service: typeof gateway) =>
    Object.fromEntries(
      (service?.volumes ?? []).map((volume) => {
        const [file = '', target = ''] = volume.split(':')
        return [target, file]
      }),
    )

  test('the gateway’s command line is right, and fits the other services', async () => {
    expect(gateway?.command.slice(0, 3)).toEqual(['npx', '--yes', 'mcp-gatehouse'])
    const files = mounts(gateway)
    const local = argv.map((argument) => {
      const [flag, file] = argument.split('=')
      if (file === undefined || files[file] === undefined) return argument
      return `${flag}=${writeTemporary('file', file.endsWith('.crt') ? (rootCertificates[0] ?? '') : 'secret')}`
    })
    const settings = (await check(local)) as {
      readonly resource: string
      readonly port: number
      readonly upstream: string
      readonly oauth: { readonly issuer: readonly string[] }
    }
    expect(local.filter((argument, index) => argument !== argv[index])).toHaveLength(2)
    expect(authelia?.environment).toEqual({ MCP_RESOURCE: settings.resource })
    expect(gateway?.ports).toEqual([`127.0.0.1:${settings.port}:${settings.port}`])
    expect(new URL(settings.resource).port).toBe(String(settings.port))
    const [issuer = ''] = settings.oauth.issuer
    const { hostname, port } = new URL(issuer)
    expect(authelia?.networks).toEqual({ front: { aliases: [hostname] } })
    expect(authelia?.ports).toEqual([`127.0.0.1:${port}:${port}`])
    expect(new URL(settings.upstream)).toMatchObject({
      hostname: 'server',
      port: server?.environment?.['PORT'],
    })
  })

  test('the server behind it is reached by the gateway alone', () => {
    expect(server?.ports).toBeUndefined()
    expect(server?.networks).toEqual(['back'])
    expect(gateway?.networks).toEqual(['front', 'back'])
    expect(Object.keys(networks)).toEqual(['front', 'back'])
  })

  test('its files are those of the guide: in the folder, or made by its commands', () => {
    const made = guideBlock('authelia', 'secrets')
    for (const file of [...Object.values(mounts(authelia)), ...Object.values(mounts(gateway))]) {
      const isMade = /^\.\/secrets(?:\/|$)/.test(file)
      expect(
        isMade ? made.includes('secrets') : existsSync(join(EXAMPLES, 'authelia', file)),
        file,
      ).toBe(true)
    }
    expect(Object.keys(mounts(authelia)).every((file) => file.startsWith('/config/'))).toBe(true)
  })
})

test('the gateway as the guide of Authelia deploys it', async () => {
  const [name, command, ...argv] = guideBlock('authelia', 'deployed')
    .replaceAll('\\\n', ' ')
    .replace('secrets/gateway', writeTemporary('gateway', 'secret'))
    .trim()
    .split(/\s+/)
  expect([name, command]).toEqual(['mcp-gatehouse', 'check'])
  expect(await check(argv)).toMatchObject({
    resource: 'https://mcp.example.com/mcp',
    oauth: { issuer: ['https://auth.example.com'], tokenPrefix: 'authelia_at_' },
  })
})

test('the gateway as the guide of Keycloak deploys it', async () => {
  const [name, command, ...argv] = guideBlock('keycloak', 'deployed')
    .replaceAll('\\\n', ' ')
    .trim()
    .split(/\s+/)
  expect([name, command]).toEqual(['mcp-gatehouse', 'check'])
  expect(await check(argv)).toMatchObject({
    resource: 'https://mcp.example.com/mcp',
    oauth: { issuer: ['https://sso.example.com/realms/mcp'], scopes: ['mcp:tools'] },
  })
})
