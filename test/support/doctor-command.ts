/** The command `doctor` in this process, and a provider that listens. */
import { readFileSync, writeFileSync } from 'node:fs'
import { runDoctor } from '../../src/cli/doctor/command.js'
import type { DoctorIo } from '../../src/cli/doctor/io.js'
import type { FakeIdp } from './idp.js'
import { serveIdp } from './served-idp.js'

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
  const idp = await serveIdp({ 'access-control-allow-origin': '*' })
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
