/** The log as people read it. */
import { Writable } from 'node:stream'
import type { GatewayEvent } from 'mcp-gatehouse/gateway'
import { pino } from 'pino'
import { describe, expect } from 'vitest'
import { createEventLog } from '../../src/cli/log-events.js'
import { createLog } from '../../src/cli/log.js'
import { eventually } from '../support/gateway.js'
import { verifies } from '../support/verifies.js'

const DENIED: GatewayEvent = {
  type: 'request.denied',
  requestId: 'r-1',
  status: 401,
  code: 'ERR_TOKEN_AUDIENCE',
  reason: 'aud "a"; expected "b"',
  issuer: 'https://sso.example.com',
  hint: 'an audience mapper',
}
const LOADED: GatewayEvent = {
  type: 'keys.loaded',
  issuer: 'https://sso.example.com',
  usable: 2,
  skipped: [],
  added: 2,
  retired: 0,
}
const CHILD: GatewayEvent = {
  type: 'child.remarked',
  child: 'c-1',
  from: 'stderr',
  text: 'forged\n    → a hint',
}

/** About a request whose message was not read. */
const UNREAD = { operations: undefined, path: undefined, decision: undefined }

async function linesOf(level: string, ...events: readonly GatewayEvent[]): Promise<string> {
  let text = ''
  const target = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk)
      done()
    },
  })
  const { logger } = await createLog({ level, format: 'pretty' }, target)
  const log = createEventLog(logger)
  for (const event of events) log(event, 'https://mcp.example.com/mcp')
  logger.info('the end')
  await eventually(() => text.includes('the end'))
  return text
}

describe('the log for people', () => {
  verifies(
    'FLD-21',
    'shows time, reason, what it is about, and the hint on its own line',
    async () => {
      const [first = '', second = '', ...rest] = (await linesOf('info', DENIED)).split('\n')
      expect(first).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] /)
      expect(first).toMatch(
        /INFO.*denied: aud "a"; expected "b" {2}\[ERR_TOKEN_AUDIENCE · https:\/\/mcp\.example\.com\/mcp · r-1\]$/,
      )
      expect(second).toBe('    → an audience mapper')
      expect(rest.join()).not.toContain('{')
      expect(first).not.toContain('{')
    },
  )

  verifies('FLD-21', 'quotes who called, and keeps what was lost', async () => {
    let text = ''
    const target = new Writable({
      write(chunk, _encoding, done) {
        text += String(chunk)
        done()
      },
    })
    const { logger } = await createLog({ level: 'info', format: 'pretty' }, target)
    logger.info({ subject: `x]  denied${'y'.repeat(500)}`, clientId: 'c' }, 'called')
    logger.error({ where: 'TypeError at x' }, 'internal error')
    logger.warn({ lost: 5 }, 'lines were lost')
    logger.info({ audit: { outcome: 'allow', subject: 'me' } }, 'audit')
    await eventually(() => text.split('\n').length === 5)
    const [called = '', internal, lost, audit] = text.split('\n')
    expect(called).toContain('["x]  deniedyyy')
    expect(called.length).toBeLessThan(200)
    expect(internal).toContain('where="TypeError at x"')
    expect(lost).toContain('lost=5')
    expect(audit).toContain('audit={"outcome":"allow","subject":"me"}')
  })

  verifies('FLD-21', 'has all members at debug', async () => {
    const [first = '', second = ''] = (await linesOf('debug', DENIED)).split('\n')
    expect(first + second).toContain('"status":401')
  })

  verifies('FLD-21', 'is silent about what is in order', async () => {
    const missing = { ...DENIED, code: 'ERR_CREDENTIALS_MISSING' } as const
    const again = { ...LOADED, added: 0 }
    expect((await linesOf('info', missing, again)).trimEnd().split('\n')).toHaveLength(1)
    expect(await linesOf('info', LOADED)).toContain('2 usable')
    expect(await linesOf('info', { ...again, retired: 1 })).toContain('2 usable')
    expect(await linesOf('debug', missing, again)).toContain('2 usable')
  })

  verifies('FLD-21', 'cannot be given a line by what a command writes', async () => {
    expect((await linesOf('info', CHILD)).trimEnd().split('\n')).toHaveLength(2)
  })
})

verifies('FLD-19', 'the target of an operation is cut, and its query has no values', () => {
  const lines: Readonly<Record<string, unknown>>[] = []
  const logger = pino({ level: 'debug' }, { write: (line) => void lines.push(JSON.parse(line)) })
  const log = createEventLog(logger)
  const about = { ...UNREAD, user: undefined, subject: undefined, clientId: 'claude' }
  for (const target of [
    'https://files.example.com/a?key=hunter2&b',
    `tool-${'x'.repeat(500)}`,
    'file:///a/b?c',
  ]) {
    log(DENIED, undefined, { ...about, rpcMethod: 'resources/read', target })
  }
  expect(lines.map(({ target }) => target)).toEqual([
    'https://files.example.com/a?key=***&***',
    `tool-${'x'.repeat(251)}`,
    'file:///a/b?***',
  ])
  expect(Object.keys(lines[0] ?? {})).not.toContain('subject')
})

const CIMD = `https://client.example.com/${'c'.repeat(400)}.json`

verifies('WHO-01', 'a client id that is a URL is whole in every line, another one is cut', () => {
  const lines: Readonly<Record<string, unknown>>[] = []
  const logger = pino({ level: 'debug' }, { write: (line) => void lines.push(JSON.parse(line)) })
  const log = createEventLog(logger)
  const about = { ...UNREAD, user: 'ada', subject: 's-1', rpcMethod: undefined, target: undefined }
  for (const clientId of [CIMD, 'c'.repeat(400), `http://${'c'.repeat(400)}`]) {
    log(DENIED, undefined, { ...about, clientId })
  }
  log({ ...DENIED, clientId: 'c'.repeat(400) }, undefined, about as never)
  expect(lines.map(({ clientId }) => clientId)).toEqual([
    CIMD,
    'c'.repeat(256),
    `http://${'c'.repeat(249)}`,
    'c'.repeat(256),
  ])
  expect(lines[0]).toMatchObject({ user: 'ada', subject: 's-1' })
})

verifies('ATK-28', 'a URL that is longer than any document has does not fill the log', () => {
  const lines: Readonly<Record<string, unknown>>[] = []
  const logger = pino({ level: 'debug' }, { write: (line) => void lines.push(JSON.parse(line)) })
  const about = { ...UNREAD, user: undefined, subject: undefined, rpcMethod: undefined }
  const clientId = `https://client.example.com/${'c'.repeat(8_000)}`
  createEventLog(logger)(DENIED, undefined, { ...about, target: undefined, clientId })
  expect(lines).toMatchObject([{ clientId: clientId.slice(0, 256) }])
})

verifies('WHO-01', 'people see the person, and the whole URL of a client', async () => {
  let text = ''
  const target = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk)
      done()
    },
  })
  const { logger } = await createLog({ level: 'info', format: 'pretty' }, target)
  logger.info({ user: 'ada\u202e\n', subject: 's-1', clientId: CIMD }, 'called')
  logger.info({ user: 'u'.repeat(200), clientId: 'c'.repeat(200) }, 'called')
  await eventually(() => text.split('\n').length === 3)
  const [first = '', second = ''] = text.split('\n')
  expect(first).toMatch(/called {2}\["ada\?+ ?" · "s-1" · "https:/)
  expect(first).toContain(`"${CIMD}"`)
  expect(second).toContain(`["${'u'.repeat(80)}…" · "${'c'.repeat(80)}…"]`)
})
