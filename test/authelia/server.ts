/** One running Authelia, with data and secrets of its own. Anybody who reaches it can end it: loopback only. */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Agent, fetch as undiciFetch } from 'undici'
import { freePort } from '../support/cli.js'
import { Daemon } from '../support/daemon.js'
import { configuration, users } from './configuration.js'
import { AUTHELIA } from './distribution.js'

const run = promisify(execFile)
const PATIENCE = 20_000
const GRACE = 5_000

export interface ServerOptions {
  /** Default: one on a port that is free. */
  readonly resource?: string
  readonly port?: number
  /** How Authelia keeps the secret of our client. Default `plaintext`: a digest costs 130 ms of CPU a call. */
  readonly keeps?: 'plaintext' | 'pbkdf2'
  /** A folder with the secrets that the guide makes, to be used instead. */
  readonly secrets?: string
}

/** Made by the program itself, as an operator would. */
class Maker {
  readonly folder = mkdtempSync(join(tmpdir(), 'gatehouse-authelia-'))

  /** Secrets like those of the guide, in the same places. */
  async secrets(keeps: 'plaintext' | 'pbkdf2'): Promise<string> {
    const folder = join(this.folder, 'secrets')
    for (const name of ['ca', 'tls']) mkdirSync(join(folder, name), { recursive: true })
    const [random, secret] = await Promise.all([
      this.random(),
      this.random(),
      this.run('pair', 'rsa', 'generate', '-d', 'secrets'),
      this.certificates(),
    ])
    const kept =
      keeps === 'plaintext' ? `$plaintext$${secret}` : await this.digest('pbkdf2', secret)
    writeFileSync(join(folder, 'hmac'), random)
    writeFileSync(join(folder, 'gateway'), secret)
    writeFileSync(join(folder, 'gateway.digest'), kept)
    return folder
  }

  async run(...args: readonly string[]): Promise<string> {
    const { stdout } = await run(AUTHELIA, ['crypto', ...args], { cwd: this.folder })
    return stdout.replace(/^(?:Random Value|Digest): /, '').trim()
  }

  random(): Promise<string> {
    return this.run('rand', '--length', '64')
  }

  digest(algorithm: 'argon2' | 'pbkdf2', secret: string): Promise<string> {
    return this.run('hash', 'generate', algorithm, '--password', secret, '--no-confirm')
  }

  /** A CA, and a certificate by it. */
  async certificates(): Promise<void> {
    const rsa = ['certificate', 'rsa', 'generate'] as const
    // Without the usage neither OpenSSL nor Node takes this CA.
    await this.run(...rsa, '--ca', '--extended-usage', 'ServerAuth', '-d', 'secrets/ca')
    const names = ['--common-name', '127.0.0.1', '--sans', '127.0.0.1,localhost']
    await this.run(...rsa, '--path.ca', 'secrets/ca', ...names, '-d', 'secrets/tls')
  }
}

export class Server {
  readonly issuer: string
  readonly resource: string
  readonly caFile: string
  readonly ca: string
  /** Of our client, as we send it. */
  readonly clientSecret: string
  readonly folder: string
  /** That of the platform, but it knows the CA. */
  readonly fetch: typeof fetch
  readonly #dispatcher: Agent
  readonly #daemon: Daemon

  private constructor(
    folder: string,
    made: Pick<Server, 'resource' | 'caFile' | 'clientSecret'> & { readonly port: number },
  ) {
    this.folder = folder
    this.resource = made.resource
    this.clientSecret = made.clientSecret
    this.issuer = `https://127.0.0.1:${made.port}`
    this.caFile = made.caFile
    this.ca = readFileSync(made.caFile, 'utf8')
    const dispatcher = new Agent({ connect: { ca: this.ca }, keepAliveTimeout: 1_000 })
    this.#dispatcher = dispatcher
    this.fetch = ((url: string | URL, init: object = {}) =>
      undiciFetch(url, { ...init, dispatcher })) as typeof fetch
    this.#daemon = new Daemon({
      name: 'Authelia',
      log: join(folder, 'log'),
      answers: () => this.#answers(),
      patience: PATIENCE,
      grace: GRACE,
    })
  }

  /** Configured, and not started. */
  static async create({
    port,
    resource,
    keeps = 'plaintext',
    secrets: given,
  }: ServerOptions = {}): Promise<Server> {
    const maker = new Maker()
    const { folder } = maker
    const secrets = given ?? (await maker.secrets(keeps))
    const read = (name: string) => readFileSync(join(secrets, name), 'utf8').trim()
    const options = {
      port: port ?? (await freePort()),
      resource: resource ?? `http://127.0.0.1:${await freePort()}/mcp`,
      secrets,
      gatewaySecret: read('gateway.digest'),
      passwordDigest: await maker.digest('argon2', 'alice'),
      random: read('hmac'),
      issuerKey: read('private.pem'),
    }
    writeFileSync(join(folder, 'configuration.yml'), configuration(options))
    writeFileSync(join(folder, 'users.yml'), users(options))
    const caFile = join(secrets, 'ca/ca.public.crt')
    return new Server(folder, { ...options, caFile, clientSecret: read('gateway') })
  }

  static async start(options?: ServerOptions): Promise<Server> {
    const server = await Server.create(options)
    await server.start()
    return server
  }

  /**
   * Returns when it answers. Tokens of an earlier start live on, sessions do not.
   *
   * @param lifespan of access tokens, as Authelia writes durations. Default an hour
   */
  async start(lifespan = '1h'): Promise<void> {
    // A clean environment: every variable that begins with AUTHELIA_ would configure what is tested.
    const { PATH, HOME } = process.env
    await this.#daemon.start({
      command: AUTHELIA,
      args: ['--config', 'configuration.yml'],
      cwd: this.folder,
      env: { PATH, HOME, AUTHELIA_IDENTITY_PROVIDERS_OIDC_ACCESS_TOKEN_LIFESPAN: lifespan },
    })
  }

  /** As an operator would; the data stay. */
  stop(): Promise<void> {
    return this.#daemon.stop()
  }

  async remove(): Promise<void> {
    await this.#daemon.remove()
    await this.#dispatcher.close()
    rmSync(this.folder, { recursive: true, force: true })
  }

  async #answers(): Promise<boolean> {
    return this.fetch(`${this.issuer}/.well-known/openid-configuration`).then(
      async (answer) => {
        await answer.body?.cancel()
        return answer.ok
      },
      () => false,
    )
  }
}
