/**
 * Python's OAuth provider holds one lock from a request to the headers of its answer: a gateway that waits for a
 * byte of a quiet stream would hold up everything else.
 */
import { describe, expect, inject, onTestFinished } from 'vitest'
import { verifies } from '../support/verifies.js'
import { MCP_1, MCP_2_LEGACY, type RealClient } from './clients.js'
import { startSilent } from './silent.js'
import { startFixture } from './fixture.js'

/** Milliseconds from connected to listed. */
async function listBehind(client: RealClient, holdHeaders?: number): Promise<number> {
  const upstream = await startSilent(holdHeaders)
  const fixture = await startFixture(upstream)
  onTestFinished(() => fixture.stop())
  const { tools, listMs } = await client.run(inject('python'), fixture.url, undefined)
  expect(tools).toBe(1)
  expect(upstream.asked).toContain('GET')
  return listMs
}

describe.each([MCP_1, MCP_2_LEGACY])('$name', (client) => {
  verifies(
    'TRN-04',
    'lists the tools within a second of connecting, though the stream says nothing',
    async () => {
      expect(await listBehind(client)).toBeLessThan(1_000)
    },
  )

  verifies(
    'TRN-04',
    'cannot list them until the headers of the stream are there, so that the above shows something',
    async () => {
      expect(await listBehind(client, 3_000)).toBeGreaterThan(2_000)
    },
  )
})
