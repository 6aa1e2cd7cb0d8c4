/** One running Keycloak: the installation is shared and stays as it is, the data are its own. */
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Daemon } from '../support/daemon.js'
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
  readonly #daemon: Daemon
  /** How it was started, while it runs. */
  #hostname: 'set' | 'from request' | undefined

  constructor(options: ServerOptions) {
    this.#options = options
    this.origin = `http://127.0.0.1:${options.port}`
    this.#folder = instantiate(options.home)
    this.#daemon = new Daemon({
      name: 'Keycloak',
      log: join(this.#folder, 'log'),
      answers: () => this.#answers(),
      patience: PATIENCE,
      grace: GRACE,
    })
  }

  /**
   * Returns when the realm can be used. Data of an earlier start are still there.
   *
   * @param hostname the name in `iss`: set, or that of each request, which is Keycloak's default
   */
  async start(hostname: 'set' | 'from request'): Promise<void> {
    if (this.#hostname === hostname) return
    await this.stop()
    const { port, managementPort, resource } = this.#options
    const args = [
      ...['start', '--optimized', '--cache=local', '--import-realm'],
      ...['--http-enabled=true', '--http-host=127.0.0.1', `--http-port=${port}`],
      '--http-management-host=127.0.0.1',
      `--http-management-port=${managementPort}`,
      hostname === 'set' ? `--hostname=${this.origin}` : '--hostname-strict=false',
    ]
    // A clean environment: variables like KC_HOSTNAME would configure what is tested.
    const { PATH, HOME, JAVA_HOME } = process.env
    const env = {
      PATH,
      HOME,
      ...(JAVA_HOME !== undefined && { JAVA_HOME }),
      ...JAVA_OPTIONS,
      KC_BOOTSTRAP_ADMIN_USERNAME: 'admin',
      KC_BOOTSTRAP_ADMIN_PASSWORD: 'admin',
      MCP_RESOURCE: resource,
    }
    const command = join(this.#folder, 'bin/kc.sh')
    this.#hostname = hostname
    await timed(`keycloak: starting on ${this.origin}`, () =>
      this.#daemon.start({ command, args, env }),
    )
  }

  /** As an operator would; the data stay. */
  async stop(): Promise<void> {
    await this.#daemon.stop()
    this.#hostname = undefined
  }

  async remove(): Promise<void> {
    await this.#daemon.remove()
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
}
