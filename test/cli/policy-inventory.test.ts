/** Servers whose lists have no end, or are far too large: what `policy init` keeps of them is bounded. */
import { expect, test } from 'vitest'
import { McpClient } from '../../src/cli/policy/client.js'
import { takeInventory } from '../../src/cli/policy/inventory.js'
import type { Transport } from '../../src/cli/policy/rpc.js'
import { verifies } from '../support/verifies.js'

const MEBIBYTE = 'x'.repeat(2 ** 20)

/** A server with tools, page by page. */
function serverOf(pageOf: (page: number) => { tools: unknown[]; nextCursor?: unknown }) {
  let pages = 0
  const transport: Transport = {
    request({ method }) {
      const result =
        method === 'initialize'
          ? { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: {} }
          : pageOf(pages++)
      return Promise.resolve({ jsonrpc: '2.0', result })
    },
    notify: () => Promise.resolve(),
    setVersion: () => undefined,
    close: () => Promise.resolve(),
  }
  const inventory = () => takeInventory(new McpClient(transport, new AbortController().signal))
  return { inventory, pages: () => pages }
}

verifies('ATK-07', 'names without end: given up after 16 MiB of them', async () => {
  const { inventory, pages } = serverOf((page) => ({
    tools: [{ name: `${page}${MEBIBYTE}` }],
    ...(page < 40 && { nextCursor: page }),
  }))
  await expect(inventory()).rejects.toThrow('names of more than 16 MiB')
  expect(pages()).toBe(16)
})

verifies('ATK-07', 'pages without end: given up after so many entries', async () => {
  const tools = Array.from({ length: 1_000 }, (_, n) => ({ name: `tool ${n}` }))
  const { inventory, pages } = serverOf((page) => ({ tools, nextCursor: page }))
  await expect(inventory()).rejects.toThrow('sends pages of tools/list without end')
  expect(pages()).toBe(101)
})

verifies(
  'ATK-07',
  'of long descriptions and of schemas nothing is kept but a beginning',
  async () => {
    const { inventory } = serverOf((page) => ({
      tools: [{ name: `tool ${page}`, description: MEBIBYTE, inputSchema: { title: MEBIBYTE } }],
      ...(page < 200 && { nextCursor: `${page}${MEBIBYTE}` }),
    }))
    const { tools } = await inventory()
    expect(tools).toHaveLength(201)
    expect(JSON.stringify(tools).length).toBeLessThan(201 * 1_200)
  },
)

test('a cursor that comes again is an end that never comes', async () => {
  const { inventory } = serverOf(() => ({ tools: [], nextCursor: { again: 1 } }))
  await expect(inventory()).rejects.toThrow('without end')
})
