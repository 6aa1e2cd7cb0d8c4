/** A stdio server whose tool `watch` tells the time every 20 ms, and `left` when it learnt that a watcher is gone. */
const { createInterface } = require('node:readline')

/** The clock that all processes of a machine share, in milliseconds. */
const now = () => Number(process.hrtime.bigint()) / 1e6
const send = (message) =>
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
const say = (id, text) => send({ id, result: { content: [{ type: 'text', text: String(text) }] } })
const timers = new Map()
let leftAt

createInterface({ input: process.stdin }).on('line', (line) => {
  const readAt = now()
  const { id, method, params } = JSON.parse(line)
  if (method === 'server/discover') {
    const serverInfo = { name: 'clock', version: '1' }
    send({ id, result: { supportedVersions: ['2026-07-28'], capabilities: {}, serverInfo } })
  } else if (method === 'initialize') {
    const { protocolVersion } = params
    const serverInfo = { name: 'clock', version: '1' }
    send({ id, result: { protocolVersion, capabilities: { tools: {} }, serverInfo } })
  } else if (method === 'notifications/cancelled') {
    leftAt = readAt
    clearInterval(timers.get(params.requestId))
    timers.delete(params.requestId)
  } else if (params?.name === 'left') {
    say(id, leftAt)
  } else if (params?.name === 'watch') {
    const { progressToken } = params._meta
    let { times } = params.arguments
    const tell = () => {
      send({ method: 'notifications/progress', params: { progressToken, progress: now() } })
      // In a session nobody says so when a watcher leaves.
      if (--times === 0) clearInterval(timers.get(id))
    }
    timers.set(id, setInterval(tell, 20))
  }
})
