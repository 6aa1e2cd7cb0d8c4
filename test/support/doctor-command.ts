/** The command `doctor` in this process, and a provider that listens. */
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { runDoctor } from '../../src/cli/doctor/command.js'
import type { DoctorIo } from '../../src/cli/doctor/io.js'
import { FakeIdp } from './idp.js'

export interface Run {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  readonly steps: readonly string[]
}

/** Runs `doctor` in this process. */
export async function runHere(
  argv: readonly string[],
  io: Partial<DoctorIo> = {},
  command = runDoctor,
): Promise<Run> {
  let stdout = ''
  let stderr = ''
  const steps: string[] = []
  const code = await command(argv, {
    stdout: (text) => (stdout += text),
    stderr: (text) => (stderr += text),
    readFile: (path) => readFileSync(path, 'utf8'),
    writeFile: writeFileSync,
    env: {},
    isColoured: false,
    onStep: (step) => steps.push(step),
    now: Date.now,
    patience: 5_000,
    ...io,
  })
  return { code, stdout, stderr, steps }
}

/** A provider that listens, for what asks it over the network. */
export async function startListeningProvider(): Promise<FakeIdp> {
  let idp: FakeIdp | undefined
  const server = createServer((request, response) => {
    void idp?.fetch(new URL(request.url ?? '', idp.issuer).href).then(async (answer) => {
      response.writeHead(answer.status, { 'access-control-allow-origin': '*' })
      response.end(await answer.text())
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  idp = await FakeIdp.start(`http://127.0.0.1:${port}/realms/mcp`)
  const { issuer } = idp
  idp.metadata = {
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    registration_endpoint: `${issuer}/register`,
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
  }
  return idp
}
