/** One running Keycloak: the installation is shared and stays as it is, the data are its own. */
import { spawn } from 'node:child_process'
import {
  closeSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { timed } from '../support/prepare.js'

const EXAMPLE = resolve(import.meta.dirname, '../../examples/keycloak')
const PATIENCE = 180_000
const GRACE = 30_000

/** A small heap, and no compiler that pays off only after an hour: a start takes half of the time. */
export const JAVA_OPTIONS = {
  JAVA_OPTS_KC_HEAP: '-Xmx256m',
  JAVA_OPTS_APPEND: '-XX:TieredStopAtLevel=1',
} as const

export interface ServerOptions {
  /** Where it is installed. */
  readonly home: string
  readonly port: number
  readonly managementPort: number
  /** The resource identifier that the realm of the guide is imported with. */
  readonly resource: string
}

/** What the scripts of Keycloak call its home, with links to everything that no run changes. */
function instantiate(home: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-keycloak-'))
  // The scripts find the home by where they are themselves.
  cpSync(join(home, 'bin'), join(folder, 'bin'), { recursive: true })
  for (const name of ['lib', 'conf', 'providers', 'themes', 'version.txt']) {
    symlinkSync(join(home, name), join(folder, name))
  }
  const imports = join(folder, 'data/import')
  mkdirSync(imports, { recursive: true })
  copyFileSync(join(EXAMPLE, 'realm.json'), join(imports, 'mcp-realm.json'))
  copyFileSync(join(EXAMPLE, 'demo-users.json'), join(imports, 'mcp-users-0.json'))
  return folder
}

export class Server {
  readonly origin: string
  readonly #options: ServerOptions
  readonly #folder: string
  #running:
    { readonly pid: number; readonly hostname: string; readonly ended: Promise<void> } | undefined

  constructor(options: ServerOptions) {
    this.#options = options
    this.origin = `http://127.0.0.1:${options.port}`
    this.#folder = instantiate(options.home)
    process.once('exit', this.#kill)
  }

  /**
   * Returns when the realm can be used. Data of an earlier start are still there.
   *
   * @param hostname the name in `iss`: set, or that of each request, which is Keycloak's default
   */
  async start(hostname: 'set' | 'from request'): Promise<void> {
    if (this.#running?.hostname === hostname) return
    await this.stop()
    const { port, managementPort, resource } = this.#options
    const log = join(this.#folder, 'log')
    const output = openSync(log, 'w')
    const args = [
      ...['start', '--optimized', '--cache=local', '--import-realm'],
      ...['--http-enabled=true', '--http-host=127.0.0.1', `--http-port=${port}`],
      '--http-management-host=127.0.0.1',
      `--http-management-port=${managementPort}`,
      hostname === 'set' ? `--hostname=${this.origin}` : '--hostname-strict=false',
    ]
    // A clean environment: variables like KC_HOSTNAME would configure what is tested.
    const { PATH, HOME, JAVA_HOME } = process.env
    const child = spawn(join(this.#folder, 'bin/kc.sh'), args, {
      // In a group of its own: the script starts java.
      detached: true,
      stdio: ['ignore', output, output],
      env: {
        PATH,
        HOME,
        ...(JAVA_HOME !== undefined && { JAVA_HOME }),
        ...JAVA_OPTIONS,
        KC_BOOTSTRAP_ADMIN_USERNAME: 'admin',
        KC_BOOTSTRAP_ADMIN_PASSWORD: 'admin',
        MCP_RESOURCE: resource,
      },
    })
    closeSync(output)
    let hasEnded = false
    const ended = new Promise<void>((settle) => {
      const end = () => {
        hasEnded = true
        settle()
      }
      child.once('error', end)
      child.once('close', end)
    })
    if (child.pid !== undefined) this.#running = { pid: child.pid, hostname, ended }
    const tail = () => readFileSync(log, 'utf8').split('\n').slice(-30).join('\n')
    await timed(`keycloak: starting on ${this.origin}`, async () => {
      for (const deadline = Date.now() + PATIENCE; Date.now() < deadline; await sleep(100)) {
        if (hasEnded) throw new Error(`Keycloak ended while it started:\n${tail()}`)
        if (await this.#answers()) return
      }
      throw new Error(`Keycloak did not start within ${PATIENCE / 1000} s:\n${tail()}`)
    })
  }

  /** As an operator would; the data stay. */
  async stop(): Promise<void> {
    if (this.#running === undefined) return
    const { pid, ended } = this.#running
    process.kill(-pid, 'SIGTERM')
    const timer = setTimeout(this.#kill, GRACE)
    await ended
    clearTimeout(timer)
    this.#running = undefined
  }

  async remove(): Promise<void> {
    await this.stop()
    process.off('exit', this.#kill)
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** Before it is ready it answers with 503. */
  async #answers(): Promise<boolean> {
    try {
      const url = `${this.origin}/realms/mcp/.well-known/openid-configuration`
      const { status } = await fetch(url, { signal: AbortSignal.timeout(5_000) })
      return status === 200
    } catch {
      return false
    }
  }

  readonly #kill = (): void => {
    if (this.#running === undefined) return
    try {
      process.kill(-this.#running.pid, 'SIGKILL')
    } catch {
      // It was faster.
    }
  }
}
