/** The record of a request: what it learns, who hears of it, and that it is closed once. */
import { describe, expect, test } from 'vitest'
import type { GatewayEvent } from 'mcp-gatehouse/gateway'
import { auditRecordOf } from '../../src/gateway/audit.js'
import type { Clock } from '../../src/gateway/clock.js'
import type { OpenRequest } from '../../src/gateway/request/open-request.js'
import type { RequestHead } from '../../src/gateway/request/head.js'
import type { RequestRecord } from '../../src/gateway/request/record.js'
import { Records } from '../../src/gateway/request/records.js'
import { verifies } from '../support/verifies.js'

type Reported = readonly [type: string, resource: string | undefined]

const DENIED: GatewayEvent = {
  type: 'request.denied',
  requestId: 'a',
  status: 403,
  code: 'ERR_SCOPE_INSUFFICIENT',
  reason: 'lacks x',
  issuer: 'https://sso.example.com',
}

function openRequest(isOpenEnded: boolean): OpenRequest & { ended: number } {
  const open = {
    isStream: isOpenEnded,
    isOpenEnded,
    ended: 0,
    begin: () => undefined,
    end: () => void open.ended++,
    giveUp: () => undefined,
  }
  return open
}

function startFixture() {
  const reported: Reported[] = []
  const events: GatewayEvent[] = []
  const closed: RequestRecord[] = []
  let now = 1_000
  const clock: Clock = { now: () => now, setTimer: () => () => undefined }
  const records = new Records({
    onEvent: (event, resource) => {
      events.push(event)
      reported.push([event.type, resource])
    },
    onClose: (record) => closed.push(record),
    kept: 'operations',
    now: () => 0,
    clock,
  })
  const head = { forwarded: [] as string[] } as RequestHead
  return {
    reported,
    events,
    closed,
    records,
    begin: (id = 'a') => records.begin(id, 'POST', head),
    pass: (milliseconds: number) => (now += milliseconds),
  }
}

describe('a record', () => {
  verifies('ATK-06', 'is closed once, whatever closes it', () => {
    for (const [first, second] of [
      ['close', 'leave'],
      ['leave', 'close'],
      ['close', 'close'],
      ['leave', 'leave'],
    ] as const) {
      const { begin, reported, closed, pass, records } = startFixture()
      const record = begin()
      const ends = {
        close: () => record.close(200, 'whole'),
        leave: () => record.leave(),
      }
      pass(500)
      ends[first]()
      const { completed } = record
      pass(500)
      ends[second]()
      expect(completed).toMatchObject({ seconds: 0.5, from: 'gateway' })
      expect(record.completed).toBe(completed)
      expect(reported).toEqual([['request.completed', undefined]])
      expect(closed).toEqual([record])
      expect(records.active).toBe(0)
    }
  })

  verifies(
    'ATK-06',
    'of a client that left says so, and nothing of one whose server has it',
    () => {
      const { begin, events } = startFixture()
      const left = begin()
      left.leave()
      expect(auditRecordOf(left)).toMatchObject({ outcome: 'refused', code: 'ERR_CLIENT_LEFT' })
      expect(events).toEqual([
        expect.objectContaining({ type: 'request.completed', status: 0, end: 'client left' }),
      ])
      const judged = begin('b')
      judged.refuse({ status: 415, code: 'ERR_BODY_ENCODED', reason: 'x' })
      judged.leave()
      expect(auditRecordOf(judged)).toMatchObject({ outcome: 'refused', code: 'ERR_BODY_ENCODED' })
      const served = begin('c')
      served.allow(undefined)
      served.goOn(openRequest(false))
      served.leave()
      expect(served.completed).toBeUndefined()
    },
  )

  test('learns what the kernel tells under its id, and tells it under its resource', () => {
    const { begin, records, reported } = startFixture()
    const record = begin()
    record.resource = 'https://mcp.example.com/a'
    records.hear?.(DENIED, 'https://mcp.example.com/b')
    expect(record).toMatchObject({ decision: 'deny', code: DENIED.code, issuer: DENIED.issuer })
    records.hear?.({ ...DENIED, requestId: 'unknown' }, 'https://mcp.example.com/b')
    record.close(403, 'whole')
    // What comes after its end changes nothing about it.
    records.hear?.({ ...DENIED, code: 'ERR_TOKEN_EXPIRED' }, 'https://mcp.example.com/b')
    expect(record.code).toBe('ERR_SCOPE_INSUFFICIENT')
    expect(reported).toEqual([
      ['request.denied', 'https://mcp.example.com/a'],
      ['request.denied', 'https://mcp.example.com/b'],
      ['request.completed', 'https://mcp.example.com/a'],
      ['request.denied', 'https://mcp.example.com/b'],
    ])
  })

  verifies('ATK-06', 'is found by its id after others have arrived, while reports are due', () => {
    const { begin, records } = startFixture()
    for (const isDue of [true, false]) {
      const id = `due ${isDue}`
      const record = begin(id)
      if (isDue) record.wait()
      begin('another')
      records.hear?.({ ...DENIED, requestId: id }, undefined)
      expect(record.decision).toBe(isDue ? 'deny' : undefined)
      record.close(403, 'whole')
      records.hear?.({ ...DENIED, requestId: id, code: 'ERR_TOKEN_EXPIRED' }, undefined)
      expect(record.code).toBe(isDue ? DENIED.code : undefined)
    }
  })

  test('says whether the server answered, and how long that took', () => {
    const { begin, pass } = startFixture()
    const record = begin()
    pass(100)
    const sentAt = 1_100
    pass(250)
    record.answer(sentAt)
    record.close(200, 'whole')
    expect(record.completed).toMatchObject({
      from: 'upstream',
      upstreamSeconds: 0.25,
      seconds: 0.35,
    })
    expect(auditRecordOf(record)).toBeUndefined()
  })

  test('keeps at most 100 operations', () => {
    const { begin } = startFixture()
    const record = begin()
    const resources = Array.from({ length: 60 }, (_, i) => `file:///${i}`)
    const message = {
      id: '1',
      isRequest: true,
      method: 'subscriptions/listen',
      params: { notifications: { resourceSubscriptions: resources } },
    }
    record.read([message, message, message])
    expect(record.operations).toHaveLength(100)
  })

  test('hears nothing where nobody listens, so that the kernel makes no events', () => {
    const silent = new Records({
      onEvent: false,
      onClose: undefined,
      kept: 'nothing',
      now: () => 0,
      clock: { now: () => 0, setTimer: () => () => undefined },
    })
    expect(silent.hear).toBeUndefined()
  })
})

describe('a gateway that ends', () => {
  test('ends open streams once nobody waits for an answer any more', async () => {
    const { begin, records } = startFixture()
    const stream = openRequest(true)
    const streaming = begin('stream')
    streaming.goOn(stream)
    const answered = begin('answered')
    answered.wait()
    expect([records.active, records.streams]).toEqual([1, 1])
    records.startDraining()
    records.endOpenEnded()
    expect(stream.ended).toBe(0)
    answered.goOn(openRequest(false))
    answered.waitNoMore()
    expect([records.active, stream.ended]).toEqual([2, 0])
    let isDrained = false
    const drained = records.drained().then(() => (isDrained = true))
    answered.close(200, 'whole')
    expect(stream.ended).toBe(1)
    await Promise.resolve()
    expect(isDrained).toBe(false)
    streaming.close(200, 'whole')
    await drained
    expect(records.active).toBe(0)
  })
})
