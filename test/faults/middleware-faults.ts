/** Rules broken on purpose: sessions and streams behind the middleware. */
import type { Fault } from './faults.js'

const tests = ['rs/sessions.test.ts']

export const MIDDLEWARE_FAULTS: readonly Fault[] = [
  {
    id: 'embedded-stream-outlives-token-hono',
    breaks: 'TRN-09',
    file: 'hono.ts',
    find: 'const watch = (end: () => void) => gate.watchStream(method, authenticated, end)',
    replace:
      'const watch = (end: () => void) => gate.watchStream(method, authenticated, () => void end)',
    tests,
  },
  {
    id: 'embedded-stream-outlives-token-node',
    breaks: 'TRN-09',
    file: 'node.ts',
    find: 'gate.watchStream(method, authenticated, () => endNow(response))',
    replace: 'gate.watchStream(method, authenticated, () => void response)',
    tests,
  },
  {
    id: 'embedded-handler-writes-after-the-end',
    breaks: 'GW-10, TRN-09',
    file: 'node.ts',
    find: '  response.end()\n  const ignore =',
    replace: '  response.end()\n  if (response.writableEnded) return\n  const ignore =',
    tests,
  },
  {
    id: 'embedded-writer-not-told-of-the-end',
    breaks: 'TRN-05, TRN-09',
    file: 'rs/endable-stream.ts',
    find: '          controller.close()\n          cancel()\n',
    replace: '          controller.close()\n',
    tests,
  },
  {
    id: 'embedded-post-without-grace',
    breaks: 'TRN-09',
    file: 'rs/gate.ts',
    find: "const rest = method === 'GET' ? 0 : grace",
    replace: "const rest = method === 'GET' ? 0 : 0 * grace",
    tests,
  },
  {
    id: 'embedded-foreign-session-let-through',
    breaks: 'STA-01, CASE-46',
    file: 'rs/bound-sessions.ts',
    find: 'if (own === undefined) return undefined',
    replace: 'if (own === undefined) return { id: visible, seal: (id) => id }',
    tests,
  },
  {
    id: 'embedded-session-id-shown',
    breaks: 'STA-01',
    file: 'node.ts',
    find: 'if (visible === undefined) response.removeHeader(SESSION_FIELD)',
    replace: 'if (visible === undefined) response.setHeader(SESSION_FIELD, id)',
    tests,
  },
]
