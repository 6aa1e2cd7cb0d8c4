/**
 * A stdio MCP server that does what it is told, well or badly. `node child.cjs MODE`: `legacy` knows sessions alone, `modern` the stateless
 * revision as well, `silent` answers nothing, `broken` ends at once.
 */
const { spawn } = require('node:child_process')
const { createInterface } = require('node:readline')

const mode = process.argv[2] ?? 'legacy'
const waiting = new Map()
let asked = 0
let cancelled = []
const held = []

const say = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
const text = (value) => ({ content: [{ type: 'text', text: JSON.stringify(value) }] })
const note = (params) => say({ method: 'notifications/message', params })

/** Each gets the request's id, its arguments and its progress token. */
const tools = {
  echo: (id, args) => say({ id, result: text(args) }),
  pid: (id) => say({ id, result: text(process.pid) }),
  env: (id) => say({ id, result: text(process.env) }),
  cancelled: (id) => say({ id, result: text(cancelled) }),
  slow: (id, { ms }) => setTimeout(() => say({ id, result: text('slow') }), ms),
  never: () => undefined,
  /** Answers once it is released. Progress is reported before that and after it. */
  held(id, { before = 0, after = 0 }, progressToken) {
    const report = (from, to) => {
      for (let progress = from; progress <= to; progress++) {
        say({ method: 'notifications/progress', params: { progressToken, progress } })
      }
    }
    report(1, before)
    held.push(() => {
      report(before + 1, before + after)
      say({ id, result: text('held') })
    })
    process.stderr.write(`held ${id}\n`)
  },
  /** Releases the oldest one that is held. */
  release(id) {
    held.shift()()
    say({ id, result: text('released') })
  },
  progress(id, { count, ms = 0 }, progressToken) {
    let progress = 0
    const next = () => {
      if (progress === count) return say({ id, result: text(count) })
      progress++
      say({ method: 'notifications/progress', params: { progressToken, progress } })
      setTimeout(next, ms)
    }
    next()
  },
  ask(id) {
    asked++
    waiting.set(`ask-${asked}`, (answer) => say({ id, result: text(answer) }))
    say({ id: `ask-${asked}`, method: 'sampling/createMessage', params: { id } })
  },
  note(id, args) {
    note(args)
    say({ id, result: text('noted') })
  },
  later(id) {
    say({ id, result: text('later') })
    note({ late: true })
    process.stderr.write('noted\n')
  },
  exit: (_id, { code }) => process.exit(code),
  noise(id) {
    process.stdout.write('Listening on stdio\n')
    process.stdout.write('{"jsonrpc":"2.0"}\n')
    process.stdout.write(Buffer.from([0x7b, 0xff, 0x7d, 0x0a]))
    process.stderr.write('a remark\n')
    say({ id, result: text('noise') })
  },
  logs(id, { secret }) {
    const lines = [
      { level: 'warn', id, error: 'retrying', secret },
      { id, result: { secret } },
      { jsonrpc: '1.0', id, result: { secret } },
      { method: 'notifications/message', params: { data: secret } },
    ]
    for (const line of lines) process.stdout.write(`${JSON.stringify(line)}\n`)
    say({ id, result: text('the real answer') })
  },
  flood(id, { bytes, pieces }) {
    for (let i = 0; i < pieces; i++) note({ flood: 'x'.repeat(bytes) })
    say({ id, result: text('flood') })
  },
  remarks(id, { count }) {
    for (let i = 0; i < count; i++) process.stderr.write(`remark ${i}\n`)
    setTimeout(() => say({ id, result: text('remarks') }), 50)
  },
  big: (id, { bytes }) => say({ id, result: text('x'.repeat(bytes)) }),
  family(id) {
    const child = spawn('sleep', ['1000'], { stdio: 'ignore' })
    // In groups of their own; the second one needs more than a word.
    const away = { stdio: 'ignore', detached: true }
    const stray = spawn('sleep', ['1000'], away)
    const deaf = spawn('sh', ['-c', 'trap "" TERM; sleep 1000; sleep 1000'], away)
    setTimeout(() => say({ id, result: text([process.pid, child.pid, stray.pid, deaf.pid]) }), 100)
  },
  stubborn(id) {
    process.on('SIGTERM', () => undefined)
    setInterval(() => undefined, 1000)
    say({ id, result: text(process.pid) })
  },
  deaf(id) {
    say({ id, result: text('deaf') })
    lines.pause()
    setInterval(() => undefined, 1000)
  },
}

function onRequest({ id, method, params }) {
  if (method === 'initialize') {
    const { protocolVersion } = params ?? {}
    if (protocolVersion === 'refused') return say({ id, error: { code: -32602, message: 'no' } })
    const serverInfo = { name: 'child', version: '1' }
    return say({ id, result: { protocolVersion, capabilities: {}, serverInfo } })
  }
  if (method === 'server/discover' && mode === 'modern') {
    return say({ id, result: { resultType: 'complete', supportedVersions: ['2026-07-28'] } })
  }
  if (method === 'subscriptions/listen') {
    const _meta = { 'io.modelcontextprotocol/subscriptionId': id }
    const send = (name, more) =>
      say({ method: `notifications/${name}`, params: { ...more, _meta } })
    send('subscriptions/acknowledged')
    return setTimeout(() => send('tools/list_changed'), 20)
  }
  if (method === 'tools/call') {
    return tools[params.name](id, params.arguments ?? {}, params._meta?.progressToken)
  }
  say({ id, error: { code: -32601, message: 'Method not found' } })
}

const lines = createInterface({ input: process.stdin })
if (mode === 'broken') process.exit(3)
lines.on('line', (line) => {
  if (mode === 'silent') return
  const message = JSON.parse(line)
  if (message.method === undefined) {
    waiting.get(message.id)?.(message.result ?? message.error)
    waiting.delete(message.id)
  } else if (message.id !== undefined) onRequest(message)
  else if (message.method === 'notifications/cancelled') cancelled.push(message.params.requestId)
})
