/** The life of an answer, on a clock of the test's own: what ends it, and what its record says of that. */
import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { RequestCompleted } from 'mcp-gatehouse/gateway'
import { AnswerLife } from '../../src/gateway/request/answer-life.js'
import type { AdmittedRequest } from '../../src/gateway/request/backend.js'
import { Records } from '../../src/gateway/request/records.js'
import { eventually } from '../support/gateway.js'
import { createManualClock } from '../support/clocks.js'
import { verifies } from '../support/verifies.js'

/** An answer whose first bytes are with its client. */
async function startAnswer() {
  const clock = createManualClock()
  let endToken: (() => void) | undefined
  let isWatched = false
  const records = new Records({
    onEvent: () => undefined,
    onClose: undefined,
    kept: 'nothing',
    now: () => 0,
    clock,
  })
  let admitted: AdmittedRequest | undefined
  const server = createServer((request, response) => {
    const record = records.begin('r', 'GET', undefined as never)
    const caller = {
      watch(_id: string, onEnd: () => void) {
        endToken = onEnd
        isWatched = true
        return () => (isWatched = false)
      },
    }
    admitted = { request, response, record, caller } as unknown as AdmittedRequest
    response.write('half')
  }).listen(0, '127.0.0.1')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  await new Promise((resolve) => server.once('listening', resolve))
  const client = get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' })
  client.on('error', () => undefined)
  client.on('response', (response) => response.on('error', () => undefined).resume())
  await eventually(() => admitted !== undefined)
  const { record, response } = admitted as AdmittedRequest
  const life = new AnswerLife(admitted as AdmittedRequest, clock)
  return {
    life,
    clock,
    client,
    response,
    isWatched: () => isWatched,
    endToken: () => endToken?.(),
    async end(): Promise<RequestCompleted['end'] | undefined> {
      await eventually(() => record.completed !== undefined)
      return record.completed?.end
    },
  }
}

describe('an answer', () => {
  test('that is sent is whole', async () => {
    const { life, response, end } = await startAnswer()
    let left = 0
    life.begin(() => left++)
    life.finish()
    expect([life.isOver, life.isWhole]).toEqual([true, true])
    response.end()
    expect(await end()).toBe('whole')
    expect(left).toBe(1)
  })

  verifies('TRN-04', 'that is ended in its middle is told as cut', async () => {
    const { life, end } = await startAnswer()
    life.begin(() => undefined)
    life.cut()
    expect([life.isOver, life.isWhole]).toEqual([true, false])
    expect(await end()).toBe('cut')
  })

  verifies('TRN-04', 'whose client leaves is not', async () => {
    const { life, client, end } = await startAnswer()
    const over: boolean[] = []
    life.begin(() => over.push(life.isOver))
    client.destroy()
    expect(await end()).toBe('client left')
    expect([over, life.isOver, life.isGone]).toEqual([[false], true, true])
  })

  verifies('TRN-09', 'has its grace after the end of its token', async () => {
    const { life, end, endToken, clock } = await startAnswer()
    life.begin(() => undefined)
    life.watchToken(300, () => life.cut())
    endToken()
    clock.pass(299)
    expect(life.isOver).toBe(false)
    clock.pass(1)
    expect(await end()).toBe('token ended')
  })

  verifies('TRN-09', 'that is whole within its grace does not end by its token', async () => {
    const { life, response, end, endToken, clock, isWatched } = await startAnswer()
    life.begin(() => undefined)
    life.watchToken(300, () => life.cut())
    endToken()
    clock.pass(299)
    life.finish()
    response.end()
    expect(await end()).toBe('whole')
    expect([clock.waiting(), isWatched()]).toEqual([0, false])
  })

  verifies('TRN-09', 'without an end of its own ends with its token, at once', async () => {
    const { life, response, end, endToken, clock } = await startAnswer()
    life.begin(() => undefined)
    life.watchToken(0, () => {
      life.finish()
      response.end()
    })
    endToken()
    expect(clock.waiting()).toBe(0)
    expect(await end()).toBe('token ended')
  })

  test('that is over watches no token', async () => {
    const { life, isWatched } = await startAnswer()
    life.begin(() => undefined)
    life.finish()
    life.watchToken(0, () => undefined)
    expect(isWatched()).toBe(false)
  })

  verifies('TRN-09', 'that has ended is cut where nobody takes it', async () => {
    const { life, clock, response, end } = await startAnswer()
    life.begin(() => undefined)
    life.finish()
    life.linger()
    clock.pass(4_999)
    expect(response.destroyed).toBe(false)
    clock.pass(1)
    expect(response.destroyed).toBe(true)
    expect(await end()).toBe('client left')
  })
})
