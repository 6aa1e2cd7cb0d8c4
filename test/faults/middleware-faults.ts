/** Rules broken on purpose: sessions and streams behind the middleware. */
import type { Fault } from './faults.js'

const tests = ['web/sessions.test.ts']

export const MIDDLEWARE_FAULTS: readonly Fault[] = [
  {
    id: 'embedded-stream-outlives-token-hono',
    breaks: 'TRN-09',
    find: 'endableStream(body, (onEnd) => rules.watch(onEnd))',
    replace: 'endableStream(body, (onEnd) => rules.watch(() => void onEnd))',
    tests,
  },
  {
    id: 'embedded-stream-outlives-token-node',
    breaks: 'TRN-09',
    find: "    if (how === 'end') endAnswer(response)\n    else cutAnswer(request, response)\n",
    replace: '',
    tests,
  },
  {
    id: 'embedded-handler-writes-after-the-end',
    breaks: 'GW-10, TRN-09',
    find: '  response.end()\n  const ignore =',
    replace: '  response.end()\n  if (response.writableEnded) return\n  const ignore =',
    tests,
  },
  {
    id: 'embedded-writer-not-told-of-the-end',
    breaks: 'TRN-05, TRN-09',
    find: "          else controller.error(new Error('the token of this stream has ended'))\n          cancel()\n",
    replace: "          else controller.error(new Error('the token of this stream has ended'))\n",
    tests,
  },
  {
    id: 'embedded-post-without-grace',
    breaks: 'TRN-09',
    find: "setQuietTimer(() => onEnd('cut'), grace)",
    replace: "setQuietTimer(() => onEnd('cut'), 0 * grace)",
    tests,
  },
  {
    id: 'embedded-half-an-answer-looks-whole-hono',
    breaks: 'CASE-50, TRN-09',
    find: "if (how === 'end') controller.close()",
    replace: "if (how !== 'never') controller.close()",
    tests,
  },
  {
    id: 'embedded-half-an-answer-looks-whole-node',
    breaks: 'CASE-50, TRN-09',
    find: "if (how === 'end') endAnswer(response)",
    replace: "if (how !== 'never') endAnswer(response)",
    tests,
  },
  {
    id: 'embedded-half-an-answer-looks-whole-http-1-0',
    breaks: 'CASE-50, TRN-09',
    find: "if (request.httpVersion < '1.1') response.socket?.resetAndDestroy()",
    replace: '',
    tests,
  },
  {
    id: 'embedded-subscription-outlives-token',
    breaks: 'TRN-09',
    find: "return method === 'GET' || (rpcMethod === LISTEN && isStateless(version))",
    replace: "return method === 'GET'",
    tests,
  },
  {
    id: 'embedded-old-header-believed',
    breaks: 'HDR-05',
    find: 'rpcMethod === LISTEN && isStateless(version)',
    replace: 'rpcMethod === LISTEN',
    tests,
  },
  {
    id: 'embedded-slow-reader-holds-a-stream',
    breaks: 'TRN-09',
    find: 'const timer = setTimeout(() => response.destroy(), LINGER).unref()',
    replace: 'const timer = setTimeout(() => undefined, LINGER).unref()',
    tests,
  },
  {
    id: 'embedded-foreign-session-let-through',
    breaks: 'STA-01, CASE-46',
    find: 'return ids.open({ resource, key: callerKey(authenticated) }, visible)',
    replace: 'return visible',
    tests,
  },
  {
    id: 'embedded-session-id-shown',
    breaks: 'STA-01',
    find: 'if (visible === undefined) response.removeHeader(SESSION_FIELD)',
    replace: 'if (visible === undefined) response.setHeader(SESSION_FIELD, id)',
    tests,
  },
]
