/** The fastest stdio server that there can be, so that what is before it is what is measured. */
const { createInterface } = require('node:readline')

const RESULTS = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: 'echo', version: '1' },
  }),
  'tools/list': () => ({ tools: [{ name: 'echo', inputSchema: { type: 'object' } }] }),
  'tools/call': ({ arguments: args }) => ({ content: [{ type: 'text', text: args.message }] }),
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line)
  if (id === undefined) return
  const result = RESULTS[method]?.(params)
  const error = { code: -32601, message: 'Method not found' }
  const answer = { jsonrpc: '2.0', id, ...(result === undefined ? { error } : { result }) }
  process.stdout.write(`${JSON.stringify(answer)}\n`)
})
