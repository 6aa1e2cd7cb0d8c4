/**
 * Every kind of credentials through every host: the tokens of each identity provider, API keys, and their near misses. What the
 * kernel says of them is tested in `test/idps`; here no host may say anything else.
 */
import { afterAll, describe, expect } from 'vitest'
import { prepare } from '../idps/fixture.js'
import { ROWS } from '../idps/table.js'
import type { Change, Row } from '../idps/row.js'
import { entryOf, keysOf, newKey } from '../support/api-keys.js'
import { ISSUER, RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'
import { createHosts, HOSTS, type HostOptions } from './hosts.js'

/** Answers by host and by what became of the credentials. */
const counts: Record<string, Record<string, number>> = {}

function count(host: string, what: string): void {
  const row = (counts[host] ??= {})
  row[what] = (row[what] ?? 0) + 1
}

/** A gateway closes gently, which takes a while: nobody waits for each. */
const closing: Promise<unknown>[] = []

afterAll(async () => {
  await Promise.all(closing)
  console.table(counts)
  // Each host has seen all of them.
  expect(Object.keys(counts).sort()).toEqual([...HOSTS].sort())
  expect(new Set(Object.values(counts).map((row) => JSON.stringify(row))).size).toBe(1)
})

/** What each host answers to the credentials; `undefined`: there are no credentials. */
async function statusesWith(
  options: Omit<HostOptions, 'onEvent'>,
  bearer: string | undefined,
): Promise<Record<string, string>> {
  const hosts = await createHosts({ ...options, onEvent: () => undefined })
  try {
    const answers = hosts.map(async (host) => {
      const { status, caller } = await host.send({
        method: 'GET',
        path: '/mcp',
        headers: bearer === undefined ? [] : [['Authorization', `Bearer ${bearer}`]],
      })
      const isReached = caller !== undefined
      count(host.name, isReached ? 'accepted' : `refused ${status}`)
      return [host.name, `${status}${isReached ? ', reached' : ''}`] as const
    })
    return Object.fromEntries(await Promise.all(answers))
  } finally {
    closing.push(...hosts.map((host) => host.close()))
  }
}

async function statusesOf(row: Row, change: Change): Promise<Record<string, string>> {
  const { options, token } = await prepare(row, change)
  return statusesWith(options, token)
}

function everyHost(answer: string): Record<string, string> {
  return Object.fromEntries(HOSTS.map((name) => [name, answer]))
}

function statusOf(code: string): number {
  if (code === 'ERR_SCOPE_INSUFFICIENT') return 403
  return /^ERR_(?:TOKEN|CREDENTIALS)_/.test(code) ? 401 : 503
}

describe.each(ROWS)('$name ($source)', (row) => {
  const { accepted } = row
  if (accepted !== 'never') {
    verifies('IDN-44', 'opens every host', async () => {
      expect(await statusesOf(row, {})).toEqual(everyHost('200, reached'))
    })
  }
  for (const miss of row.refused) {
    verifies('IDN-44', `${miss.name}: no host`, async () => {
      expect(await statusesOf(row, miss)).toEqual(everyHost(String(statusOf(miss.code))))
    })
  }
})

describe('API keys', () => {
  const KEY = newKey()
  const statusesOfKey = (bearer: string | undefined, more: Parameters<typeof entryOf>[1] = {}) =>
    statusesWith(
      {
        resource: RESOURCE,
        authorizationServers: ISSUER,
        scopes: 'mcp:tools',
        apiKeys: keysOf(entryOf(KEY, more)),
      },
      bearer,
    )

  verifies('IDN-44', 'a key opens every host', async () => {
    expect(await statusesOfKey(KEY)).toEqual(everyHost('200, reached'))
  })

  verifies('IDN-44', 'its near misses open no host', async () => {
    expect(await statusesOfKey(newKey())).toEqual(everyHost('401'))
    expect(await statusesOfKey(KEY.toUpperCase())).toEqual(everyHost('401'))
    expect(await statusesOfKey(KEY, { expires: '2020-01-01' })).toEqual(everyHost('401'))
    expect(await statusesOfKey(KEY, { resources: [`${RESOURCE}/a`] })).toEqual(everyHost('401'))
    expect(await statusesOfKey(KEY, { scopes: 'mcp' })).toEqual(everyHost('403'))
  })

  verifies('IDN-44', 'without credentials no host opens', async () => {
    expect(await statusesOfKey(undefined)).toEqual(everyHost('401'))
  })
})
