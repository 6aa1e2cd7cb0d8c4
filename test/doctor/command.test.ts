/** The command `doctor`: its arguments, its exit codes, and its reports. */
import { describe, expect } from 'vitest'
import type { JsonReport } from '../../src/cli/doctor/json-report.js'
import { freePort, startCli } from '../support/cli.js'
import { startGateway, startTcpUpstream, startUpstream } from '../support/gateway.js'
import { guideBlock } from '../support/guides.js'
import {
  runHere as run,
  startListeningProvider as startProvider,
} from '../support/doctor-command.js'
import { verifies } from '../support/verifies.js'

/** A gateway that listens where its resource says. */
async function startServer(): Promise<string> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}/mcp`
  const idp = await startProvider()
  await startGateway(await startUpstream((_request, response) => response.end('{}')), {
    port,
    resource: url,
    authorizationServers: idp.issuer,
    fetch: globalThis.fetch,
  })
  return url
}

describe('our gateway', () => {
  verifies(
    ['DOC-07', 'DOC-01'],
    'is fine for a client on this machine, and the exit code is 0',
    async () => {
      const { code, stdout, stderr, steps } = await run([
        await startServer(),
        '--client',
        'mcp-remote',
      ])
      expect(stderr).toBe('')
      expect(stdout).toMatch(/^ {2}mcp-remote +yes +registers itself$/m)
      expect(stdout).toMatch(/\n0 errors, \d+ warnings?, \d+ notes?\.\n$/)
      expect(code).toBe(0)
      expect(steps.at(-1)).toBe('')
      expect(steps[0]).toMatch(/^asking http:/)
    },
  )

  verifies(
    ['DOC-07', 'DOC-04'],
    'is out of reach for a client on the internet: exit code 1',
    async () => {
      const { code, stdout } = await run([await startServer(), '--client=claude', '--json'])
      const [report] = (JSON.parse(stdout) as JsonReport).diagnoses
      expect(report?.verdicts).toMatchObject([{ client: 'claude', connects: 'no' }])
      expect(report?.findings.find(({ id }) => id === 'not-public')?.breaks).toEqual(['claude'])
      expect(code).toBe(1)
    },
  )

  verifies('DOC-07', 'as a process: plain text in a pipe, and nothing on stderr', async () => {
    const [npx, name, ...args] = guideBlock('docs/doctor', 'doctor').trim().split(' ')
    expect([npx, name]).toEqual(['npx', 'mcp-gatehouse'])
    const server = await startServer()
    const typed = args.map((word) => word.replace('https://mcp.example.com/mcp', server))
    const cli = startCli([...typed, '--client', 'inspector'])
    expect(await cli.exited).toBe(0)
    const text = cli.stdout().toString()
    expect(text).toContain('Who connects')
    expect(text).not.toContain('\u001b')
    expect(cli.stderr()).toBe('')
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120)
  })

  verifies('DOC-07', 'on a terminal the text has colours', async () => {
    const { stdout } = await run([await startServer(), '--client', 'inspector'], {
      isColoured: true,
    })
    expect(stdout).toContain('\u001b[1mWho connects\u001b[0m')
  })
})

describe('a server that cannot be reached', () => {
  verifies('DOC-07', 'nothing listens: exit code 2', async () => {
    const { code, stdout } = await run([`http://127.0.0.1:${await freePort()}/mcp`])
    expect(stdout).toMatch(/^error +The server cannot be reached {2}unreachable$/m)
    expect(stdout).toMatch(/ECONNREFUSED/)
    expect(stdout).toMatch(/Stops every client\./)
    expect(code).toBe(2)
  })

  verifies('DOC-01', 'https for http is told as such', async () => {
    const url = (await startServer()).replace('http:', 'https:')
    const { code, stdout } = await run([url])
    expect(stdout).toMatch(
      /^error +The port speaks http, and the URL says https {2}tls-not-spoken$/m,
    )
    expect(code).toBe(2)
  })

  verifies('DOC-06', 'it hangs', async () => {
    const { code, stdout } = await run([await startTcpUpstream(() => undefined)], { patience: 100 })
    expect(stdout).toMatch(/^error +The server does not answer in time {2}too-slow$/m)
    expect(code).toBe(2)
  })
})

describe('arguments', () => {
  for (const [name, argv, problem] of [
    ['no URL', [], /^URL: is missing/],
    ['not a URL', ['mcp.example.com'], /^URL: is not an http\(s\) URL/],
    ['two URLs', ['https://a.example', 'https://b.example'], /^argument 2: is unexpected/],
    [
      'a password in the URL',
      ['https://u:canary@a.example'],
      /^URL: has a user name or a password/,
    ],
    [
      'a client that nobody knows',
      ['https://a.example', '--client', 'claud'],
      /^--client claud: .*\n.*did you mean claude\?/,
    ],
    ['an unknown flag', ['https://a.example', '--jsn'], /^--jsn: no such flag\n.*--json/],
  ] as const) {
    verifies('DOC-07', `${name}: exit code 2, and nothing is asked`, async () => {
      const { code, stdout, stderr, steps } = await run(argv)
      expect(stderr).toMatch(problem)
      expect(stderr).not.toContain('canary')
      expect([code, stdout, steps]).toEqual([2, '', []])
    })
  }
})

verifies('DOC-05', 'values of a query are in no report', async () => {
  const url = `${await startServer()}?key=canary`
  const text = await run([url])
  const json = await run([url, '--json'])
  expect(text.stdout).toContain('?key=***')
  for (const { stdout, stderr, steps } of [text, json]) {
    expect(`${stdout}${stderr}${steps.join('')}`).not.toContain('canary')
  }
})
