/** The images of the examples. No container engine is at hand: their shape, and their commands in an empty directory. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import { freePort, startProcess } from '../support/cli.js'
import { guideBlock } from '../support/guides.js'
import { dockerfile } from './dockerfile.js'

const ROOT = resolve(import.meta.dirname, '../..')
const run = promisify(execFile)

function read(path: string): string {
  return readFileSync(join(ROOT, 'examples', path), 'utf8')
}

describe.each(['container', 'linkedin'])('examples/%s/Dockerfile', (example) => {
  const { stages, env, text } = dockerfile(example)
  const last = stages.at(-1)

  test('every image has a version, and the last one runs as a user without rights', () => {
    for (const { from } of stages) expect(from).toMatch(/^[\w./-]+:(?!latest)[\w.-]+$/)
    expect(last?.user).toMatch(/^(?!root$|0$)[a-z]\w+$/)
  })

  test('it is started without a shell, and reached from outside only where tokens are asked for', () => {
    expect(last?.entrypoint.length).toBeGreaterThan(0)
    expect(last?.cmd).toContain('--')
    expect(env['MCP_GATEHOUSE_AUTH']).toBe('oauth')
    expect(env['MCP_GATEHOUSE_HOST']).toBe('0.0.0.0')
  })

  test('no secret is in it, and nothing comes from elsewhere', () => {
    expect(text).not.toMatch(/^ADD /m)
    expect(text).not.toMatch(/SECRET|PASSWORD|TOKEN=|curl|wget/)
  })
})

test('examples/container: what it installs and starts is closed without a token, and a server with one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-container-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const { stages } = dockerfile('container')
  const [build, image] = stages
  // What `RUN` says, with folders of this test in place of those of the image.
  const [, packed = ''] =
    /npm pack --pack-destination (\S+)/.exec(build?.run.join('\n') ?? '') ?? []
  expect(packed).toBe('/packed')
  await run('npm', ['pack', '--pack-destination', folder], { cwd: ROOT })
  const installs = image?.run
    .flatMap((line) => line.split(' && '))
    .filter((each) => each.startsWith('npm install'))
  expect(installs?.length).toBe(2)
  for (const install of installs ?? []) {
    const args = install.replaceAll('/packed/', `${folder}/`).split(/\s+/).slice(1)
    await run('npm', [...args, '--prefix', folder, '--prefer-offline'])
  }
  const env = { ...image?.env, PATH: `${folder}/bin:${process.env['PATH'] ?? ''}` }
  const [file = '', ...args] = image?.entrypoint ?? []
  const unnamed = startProcess(join(folder, 'bin', file), [...args, ...(image?.cmd ?? [])], env)
  expect(await unnamed.exited).toBe(2)
  expect(unnamed.stderr()).toMatch(/resource[\s\S]*issuer|issuer[\s\S]*resource/)
  const port = await freePort()
  const cli = startProcess(join(folder, 'bin', file), [...args, ...(image?.cmd ?? [])], {
    ...env,
    PORT: String(port),
    MCP_GATEHOUSE_RESOURCE: 'https://mcp.example.com/mcp',
    MCP_GATEHOUSE_OAUTH_ISSUER: 'https://sso.example.com/realms/mcp',
  })
  await cli.listening()
  const answer = await fetch(`http://127.0.0.1:${port}/mcp`, { method: 'POST', body: '{}' })
  expect(answer.status).toBe(401)
}, 240_000)

describe('examples/linkedin', () => {
  interface Service {
    readonly spec: {
      readonly template: {
        readonly metadata: { readonly annotations: Readonly<Record<string, string>> }
        readonly spec: {
          readonly timeoutSeconds: number
          readonly containers: readonly {
            readonly image: string
            readonly ports: readonly { readonly containerPort: number }[]
            readonly env: readonly { readonly name: string; readonly value: string }[]
            readonly volumeMounts: readonly { readonly name: string }[]
          }[]
          readonly volumes: readonly { readonly name: string }[]
        }
      }
    }
  }
  const { template } = (parse(read('linkedin/service.yaml')) as Service).spec
  const [container] = template.spec.containers

  test('service.yaml: one container, at the port of the image, with what the gateway must be told', () => {
    expect(template.metadata.annotations['autoscaling.knative.dev/maxScale']).toBe('1')
    expect(template.spec.containers.length).toBe(1)
    expect(template.spec.timeoutSeconds).toBeLessThanOrEqual(3600)
    expect(container?.ports).toEqual([{ containerPort: 8080 }])
    expect(container?.env.map(({ name }) => name)).toEqual([
      'MCP_GATEHOUSE_RESOURCE',
      'MCP_GATEHOUSE_OAUTH_ISSUER',
    ])
    expect(container?.volumeMounts.map(({ name }) => name)).toEqual(
      template.spec.volumes.map(({ name }) => name),
    )
  })

  test('Caddyfile: the port that is published, and nothing that collects streams', () => {
    expect(read('linkedin/Caddyfile')).toMatch(
      /^mcp\.example\.com \{\n\treverse_proxy 127\.0\.0\.1:8080\n\}$/m,
    )
    expect(read('linkedin/README.md')).toContain('--publish 127.0.0.1:8080:8080')
  })

  test('the guide’s last check prints 401 before a gateway that is closed', async () => {
    const port = await freePort()
    const cli = startProcess(process.execPath, [
      ...['--import', 'tsx', join(ROOT, 'src/cli/main.ts'), '--auth', 'oauth'],
      ...['--oauth-issuer', 'https://sso.example.com/realms/mcp', '--port', String(port)],
      ...['--resource', 'https://mcp.example.com/mcp', '--upstream', 'http://127.0.0.1:1/mcp'],
    ])
    await cli.listening()
    const [, ...args] = guideBlock('linkedin', 'closed')
      .trim()
      .replace('https://mcp.example.com', `http://127.0.0.1:${port}`)
      .replaceAll("'", '')
      .replace('\\n', '')
      .split(/\s+/)
    expect((await run('curl', args)).stdout).toBe('401')
  })
})
