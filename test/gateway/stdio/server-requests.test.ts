/** Where the requests of a command go: sampling, elicitation, roots. */
import { describe, expect } from 'vitest'
import { eventually, type GatewayFixture } from '../../support/gateway.js'
import { verifies } from '../../support/verifies.js'
import {
  eventsOf,
  JSON_ONLY,
  messagesOf,
  openClient,
  startScript,
  type Client,
  type SseEvent,
} from './support.js'

const QUESTION = '{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{}}'
const NOTE = '{"jsonrpc":"2.0","method":"notifications/message","params":{}}'

/** Asks at every call of `ask`, notes at every call of `note`, and answers them when it is told to `finish`. */
const SERVER = `
  if (method === undefined) return process.stderr.write('answered\\n')
  if (params?.name === 'ask') process.stderr.write('asked\\n')
  globalThis.open ??= []
  if (id === undefined) return
  if (params.name !== 'finish') open.push(id)
  if (params.name === 'ask') say('${QUESTION}')
  if (params.name === 'note') say('${NOTE}')
  if (params.name === 'finish') for (const each of [...open.splice(0), id]) answer(each, {})`

/** What came on each of these streams, once the command has answered everything. */
async function finish(client: Client, ...answers: readonly (Response | Promise<Response>)[]) {
  await (await client.call('finish', {}, JSON_ONLY)).text()
  const all = await Promise.all(answers.map(async (each) => messagesOf(await each)))
  return all.map((messages) => messages.map(({ method, result }) => method ?? typeof result))
}

function hasRemarked(fixture: GatewayFixture, remark: string): boolean {
  return fixture.reported('child.remarked').some(({ text }) => text === remark)
}

const ASKED = ['elicitation/create', 'object']
const QUIET = ['object']

describe('a request of the server, while a GET stream is open', () => {
  verifies('FLD-10', 'goes to the newest POST, which is answered after it', async () => {
    const fixture = await startScript(SERVER)
    const client = await openClient(fixture)
    const stream = await client.send('GET')
    const older = await client.call('wait')
    const newer = await client.call('ask')
    expect(await finish(client, older, newer)).toEqual([QUIET, ASKED])
    await client.post({ jsonrpc: '2.0', id: 'q', result: { action: 'accept' } })
    await eventually(() => hasRemarked(fixture, 'answered'))
    await client.send('DELETE')
    expect(await stream.text()).not.toContain('elicitation')
  })

  verifies('FLD-10', 'not to a POST whose client has left', async () => {
    const fixture = await startScript(SERVER)
    const client = await openClient(fixture)
    const leaving = new AbortController()
    const older = await client.call('wait')
    await client.call('wait', {}, { signal: leaving.signal })
    leaving.abort()
    await eventually(() =>
      fixture.reported('request.completed').some(({ end }) => end === 'client left'),
    )
    const asking = client.call('ask', {}, JSON_ONLY)
    await eventually(() => hasRemarked(fixture, 'asked'))
    expect(await finish(client, older, asking)).toEqual([ASKED, QUIET])
  })

  verifies('FLD-10', 'not to a POST that accepts no event streams', async () => {
    const fixture = await startScript(SERVER)
    const client = await openClient(fixture)
    const older = await client.call('wait')
    const asking = client.call('ask', {}, JSON_ONLY)
    await eventually(() => hasRemarked(fixture, 'asked'))
    expect(await finish(client, older, asking)).toEqual([ASKED, QUIET])
  })

  verifies('FLD-10', 'to the GET stream where no POST can take it', async () => {
    const client = await openClient(await startScript(SERVER))
    const events = eventsOf(await client.send('GET'))
    const asking = client.call('ask', {}, JSON_ONLY)
    const { value } = (await events.next()) as { value: SseEvent }
    expect(value.data).toBe(QUESTION)
    expect(await finish(client, asking)).toEqual([QUIET])
    await events.return(undefined)
  })

  verifies('FLD-10', 'a notification goes to the GET stream', async () => {
    const client = await openClient(await startScript(SERVER))
    const events = eventsOf(await client.send('GET'))
    const answer = await client.call('note')
    const { value } = (await events.next()) as { value: SseEvent }
    expect(value.data).toBe(NOTE)
    expect(await finish(client, answer)).toEqual([QUIET])
    await events.return(undefined)
  })
})

verifies('FLD-10', 'a request that was sent with a POST is replayed by Last-Event-ID', async () => {
  const client = await openClient(await startScript(SERVER))
  const leaving = new AbortController()
  const versioned = { 'mcp-protocol-version': '2025-11-25' }
  const options = { headers: versioned, signal: leaving.signal }
  const events = eventsOf(await client.call('ask', {}, options))
  const { value: primed } = (await events.next()) as { value: SseEvent }
  const { value: asked } = (await events.next()) as { value: SseEvent }
  expect([primed.data, asked.data]).toEqual(['', QUESTION])
  leaving.abort()
  const again = await client.send('GET', undefined, {
    ...versioned,
    'last-event-id': primed.id ?? '',
  })
  expect(await finish(client, again)).toEqual([ASKED])
})
