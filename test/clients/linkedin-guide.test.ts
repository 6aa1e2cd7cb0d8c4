/** `examples/linkedin`: what the container starts, its settings, and the shape of the files around it. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, inject, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { startIdp } from '../../examples/demo/idp.js'
import { runCheck } from '../../src/cli/check.js'
import { readDockerfile } from '../docs/dockerfile.js'
import { freePort, startCli } from '../support/cli.js'
import { guideBlock } from '../support/guides.js'
import { verifies } from '../support/verifies.js'
import { CLIENTS } from './clients.js'
import { SCOPE } from './fixture.js'

const FOLDER = resolve(import.meta.dirname, '../../examples/linkedin')
const { image, gatewayCommand } = readDockerfile('linkedin')
const read = (name: string) => readFileSync(join(FOLDER, name), 'utf8')

const Service = z.strictObject({
  apiVersion: z.literal('serving.knative.dev/v1'),
  kind: z.literal('Service'),
  metadata: z.strictObject({
    name: z.string(),
    // Annotations are texts: YAML would make numbers and booleans of them.
    annotations: z.strictObject({ 'run.googleapis.com/invoker-iam-disabled': z.literal('true') }),
  }),
  spec: z.strictObject({
    template: z.strictObject({
      metadata: z.strictObject({
        annotations: z.strictObject({
          'autoscaling.knative.dev/maxScale': z.literal('1'),
          'run.googleapis.com/cpu-throttling': z.literal('false'),
          'run.googleapis.com/execution-environment': z.literal('gen2'),
        }),
      }),
      spec: z.strictObject({
        containerConcurrency: z.number().max(1000),
        timeoutSeconds: z.number().max(3600),
        containers: z.tuple([
          z.strictObject({
            image: z.string().regex(/:[\w.]+$/),
            ports: z.tuple([z.strictObject({ containerPort: z.literal(8080) })]),
            env: z.array(z.strictObject({ name: z.string(), value: z.string() })),
            resources: z.object({}).loose(),
            volumeMounts: z.array(z.strictObject({ name: z.string(), mountPath: z.string() })),
          }),
        ]),
        volumes: z.array(
          z.strictObject({
            name: z.string(),
            secret: z.strictObject({
              secretName: z.string(),
              items: z.tuple([z.strictObject({ key: z.literal('latest'), path: z.string() })]),
            }),
          }),
        ),
      }),
    }),
  }),
})

const { template } = Service.parse(parse(read('service.yaml'))).spec
const [container] = template.spec.containers
const environment = Object.fromEntries(container.env.map(({ name, value }) => [name, value]))

async function check(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  let stdout = ''
  let stderr = ''
  const io = {
    stdout: (text: string) => (stdout += text),
    stderr: (text: string) => (stderr += text),
  }
  const code = await runCheck([...argv, '--json'], env, io)
  if (code !== 0) throw new Error(stderr)
  return (JSON.parse(stdout) as { readonly settings: object }).settings
}

verifies(
  ['CASE-66', 'GW-01'],
  'what the image starts, with the settings of the service file: a client logs in, and sees 19 tools',
  async () => {
    const home = mkdtempSync(join(tmpdir(), 'gatehouse-linkedin-'))
    onTestFinished(() => rmSync(home, { recursive: true, force: true }))
    const idp = await startIdp([SCOPE])
    onTestFinished(() => idp.stop())
    const [port, inside] = [await freePort(), await freePort()]
    const resource = `http://127.0.0.1:${port}/mcp`
    const [, ...args] = gatewayCommand
    const gateway = startCli(
      args.map((each) => each.replace(/\b8000\b/, String(inside))),
      {
        ...environment,
        PATH: `${inject('python').linkedin}:${process.env['PATH']}`,
        PORT: String(port),
        MCP_GATEHOUSE_RESOURCE: resource,
        MCP_GATEHOUSE_OAUTH_ISSUER: idp.issuer,
        MCP_GATEHOUSE_LOG_FORMAT: 'json',
        ...image.env,
        HOME: home,
      },
    )
    await gateway.listening()
    idp.resources.set(resource, { scope: SCOPE })
    // One of each generation.
    for (const client of CLIENTS.filter(({ name }) => /^(?:SDK v1|SDK v2, auto)$/.test(name))) {
      const outcome = await client.run(inject('python'), resource, undefined)
      expect(outcome).toMatchObject({ tools: 19 })
    }
    gateway.process.kill('SIGTERM')
    expect(await gateway.exited, gateway.stderr()).toBe(0)
  },
)

test('the image, the tests and the guide name the same version of the server', () => {
  const [, tag = ''] = image.from.split(':')
  const requirements = readFileSync(join(import.meta.dirname, 'python/linkedin.txt'), 'utf8')
  expect(requirements).toContain(`\nmcp-server-linkedin==${tag}\n`)
  expect(read('README.md')).toContain(`version ${tag}`)
})

test('the command of the image fits the settings of the service file', async () => {
  const [, ...args] = gatewayCommand
  expect(await check(args.slice(0, args.indexOf('--')), environment)).toMatchObject({
    resource: environment['MCP_GATEHOUSE_RESOURCE'],
    upstream: 'http://127.0.0.1:8000/mcp',
    oauth: { scopes: [SCOPE] },
  })
})

test('each secret of the service file is where session.sh looks for it', () => {
  const paths = template.spec.volumes.map(({ name, secret }) => {
    const mount = container.volumeMounts.find((each) => each.name === name)
    return `${mount?.mountPath}/${secret.items[0].path}`
  })
  expect(paths).toEqual([
    '/run/linkedin/cookies/cookies.json',
    '/run/linkedin/state/source-state.json',
  ])
})

test('session.sh puts the session where a login leaves it, for nobody else to read', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-session-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const start = (secrets: string) =>
    execFileSync(join(FOLDER, 'session.sh'), ['echo', 'started'], {
      env: { PATH: process.env['PATH'], HOME: folder, LINKEDIN_SECRETS: secrets },
      encoding: 'utf8',
    })
  expect(start(join(folder, 'nothing'))).toBe('started\n')
  expect(readdirSync(folder)).toEqual([])
  for (const name of ['cookies/cookies.json', 'state/source-state.json']) {
    const file = join(folder, 'secrets', name)
    mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(file, name)
  }
  expect(start(join(folder, 'secrets'))).toBe('started\n')
  const session = join(folder, '.linkedin-mcp')
  expect(readdirSync(session).sort()).toEqual(['cookies.json', 'profile', 'source-state.json'])
  expect(execFileSync('stat', ['-c', '%a', session], { encoding: 'utf8' })).toBe('700\n')
})

test('Caddy leads to the port that is published, for the name that is the resource', async () => {
  expect(read('Caddyfile')).toBe('mcp.example.com {\n\treverse_proxy 127.0.0.1:8080\n}\n')
  expect(read('README.md')).toContain('-p 127.0.0.1:8080:8080')
})

test('the settings for both identity providers are right', async () => {
  const blocks = [guideBlock('linkedin', 'keycloak'), guideBlock('linkedin', 'auth0')]
  const issuers = ['https://sso.example.com/realms/mcp', 'https://TENANT.us.auth0.com/']
  for (const [index, block] of blocks.entries()) {
    const [name, command, ...argv] = block.replaceAll('\\\n', ' ').trim().split(/\s+/)
    expect([name, command]).toEqual(['mcp-gatehouse', 'check'])
    expect(await check(argv)).toMatchObject({
      resource: 'https://mcp.example.com/mcp',
      oauth: { issuer: [issuers[index]], scopes: [SCOPE] },
    })
  }
})
