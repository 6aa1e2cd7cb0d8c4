/** Callers without a token, whom a policy with anonymous rules lets in: through every host. */
import { describe, expect } from 'vitest'
import type { PolicyDocument } from 'mcp-gatehouse'
import { verifies } from '../support/verifies.js'
import { POLICY_HOSTS, startPolicyHost, type Answer, type Options } from './policy-hosts.js'

const POLICY: PolicyDocument = {
  rules: [
    { tools: ['search', 'open_*'], anonymous: true },
    { tools: ['open_admin'], scopes: ['admin'] },
    { tools: ['delete'], scopes: ['write'] },
    { tools: ['free'], scopes: [] },
    { resources: ['docs://public/*'], anonymous: true },
    { resources: ['docs://secret/*'], scopes: [] },
    { tools: ['rare'], anonymous: true, limit: { rate: '1/h' } },
  ],
  unmatched: 'deny',
}
const CLOSED: PolicyDocument = { rules: [{ tools: ['search'], scopes: [] }], unmatched: 'deny' }
const SESSION_KEYS = ['0123456789abcdef0123456789abcdef']
const ANSWER: Answer = {
  body: '{"jsonrpc":"2.0","id":1,"result":{}}',
  type: 'application/json',
  session: 'its-own-id',
}

const message = (method: string, params: object = {}, id = 1) =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params })
const call = (name: string, id = 1) => message('tools/call', { name }, id)
const read = (uri: string) => message('resources/read', { uri })
const batch = (...messages: readonly string[]) => `[${messages.join(',')}]`
const INITIALIZED = '{"jsonrpc":"2.0","method":"notifications/initialized"}'

/** The status, and what does not differ between requests. */
async function shown(response: Response) {
  const text = await response.text()
  return {
    status: response.status,
    challenge: response.headers.get('www-authenticate'),
    type: response.headers.get('content-type'),
    text,
  }
}

const JSON_FIELDS = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
}

describe.each(POLICY_HOSTS)('%s', (host) => {
  async function start(policy: PolicyDocument = POLICY, options: Options = {}, answer = ANSWER) {
    const given = { policy, sessionKeys: SESSION_KEYS, scopes: ['base'], ...options }
    const served = await startPolicyHost(host, given, answer)
    const post = (body: string, headers: Record<string, string> = {}) =>
      served.call({ method: 'POST', body, headers: { ...JSON_FIELDS, ...headers } })
    const bearer = async (claims: Record<string, unknown> = { scope: 'base' }) => ({
      authorization: `Bearer ${await served.idp.token({ claims })}`,
    })
    const other = (method: string, headers: Record<string, string> = {}) =>
      served.call({ method, headers: { accept: 'text/event-stream', ...headers } })
    return { ...served, post, bearer, other }
  }

  verifies(
    'IDN-20',
    'what an anonymous rule names, and what finds it, needs no token',
    async () => {
      const { post, arrived, events } = await start()
      const bodies = [
        message('initialize'),
        INITIALIZED,
        message('ping'),
        message('tools/list'),
        message('prompts/list'),
        message('resources/list'),
        message('resources/templates/list'),
        message('server/discover'),
        call('search'),
        call('open_file'),
        read('docs://public/one'),
        batch(call('search', 1), call('open_file', 2)),
      ]
      for (const body of bodies) {
        expect([body, (await post(body)).status]).toEqual([body, 200])
      }
      expect(arrived).toEqual(bodies)
      const judged = events.filter((event) => event.type === 'operation.judged')
      expect(judged).toHaveLength(bodies.length)
      expect(judged[0]).toMatchObject({ outcome: 'allowed', issuer: undefined, subject: undefined })
    },
  )

  verifies('IDN-20', 'everything else is challenged with the same bytes as before', async () => {
    const before = await start(CLOSED)
    const expected = await shown(await before.post(call('search')))
    expect(expected).toMatchObject({ status: 401 })
    expect(expected.challenge).not.toContain('error')
    const { post, arrived } = await start()
    const bodies = [
      call('delete'),
      call('free'),
      call('open_admin'),
      call('nothing'),
      call('Search'),
      read('docs://secret/one'),
      read('docs://public/one?query'),
      message('prompts/get', { name: 'one' }),
      message('logging/setLevel', { level: 'debug' }),
      message('subscriptions/listen', { notifications: {} }),
      message('tasks/list'),
      message('anything/else'),
      batch(call('search', 1), call('delete', 2)),
      batch(call('delete', 1), call('search', 2)),
      // An answer belongs to a session, and this request has no session.
      '{"jsonrpc":"2.0","id":1,"result":{}}',
    ]
    for (const body of bodies) {
      expect({ body, ...(await shown(await post(body))) }).toEqual({ body, ...expected })
    }
    expect(arrived).toEqual([])
  })

  verifies(
    'IDN-20',
    'a GET, a DELETE and other methods without a session are challenged',
    async () => {
      const { other, arrived } = await start()
      const statuses: number[] = []
      for (const method of ['GET', 'DELETE', 'PUT', 'HEAD']) {
        statuses.push((await other(method)).status)
      }
      expect(statuses).toEqual([401, 401, 401, 401])
      expect(arrived).toEqual([])
    },
  )

  verifies('IDN-20', 'a body that cannot be judged is refused as with a token', async () => {
    const { post, arrived } = await start()
    expect((await post('{')).status).toBe(400)
    expect((await post(message('tools/call', {}))).status).toBe(400)
    expect((await post(call('search'), { 'content-type': 'text/plain' })).status).toBe(415)
    expect((await post(call('search'), { 'content-encoding': 'gzip' })).status).toBe(415)
    expect((await post(call('search'), { origin: 'https://evil.example' })).status).toBe(403)
    expect(arrived).toEqual([])
  })

  verifies('IDN-20', 'a policy without anonymous rules challenges every request', async () => {
    const { post, arrived } = await start(CLOSED)
    // Bodies are not even read: the last one could not be.
    for (const body of [message('initialize'), message('tools/list'), call('search'), '{']) {
      expect((await post(body)).status).toBe(401)
    }
    expect(arrived).toEqual([])
  })

  verifies('IDN-20', 'an allowed browser reads the challenge', async () => {
    const { post } = await start(POLICY, { allowOrigins: ['https://app.example.com'] })
    const answer = await post(call('delete'), { origin: 'https://app.example.com' })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://app.example.com')
  })

  verifies('IDN-21', 'a credential that is there is never anonymous', async () => {
    const { post, idp, arrived } = await start()
    const expired = await idp.token({ claims: { scope: 'base', exp: 1_000_000_000 } })
    const foreign = await idp.token({ claims: { scope: 'base', aud: 'https://other.example' } })
    const statuses: [string, number][] = []
    for (const authorization of [
      `Bearer ${expired}`,
      `Bearer ${foreign}`,
      'Bearer nonsense',
      'Bearer',
      'Bearer a b',
      'Basic dXNlcjpwYXNz',
      'Negotiate x',
      '',
    ]) {
      statuses.push([authorization, (await post(call('search'), { authorization })).status])
    }
    expect(statuses.filter(([, status]) => status !== 401)).toEqual([])
    const two = await post(call('search'), { authorization: 'Bearer one, Bearer two' })
    expect(two.status).toBe(400)
    expect(arrived).toEqual([])
  })

  verifies(
    'IDN-21',
    'a token without the base scopes is a 403, also for a public tool',
    async () => {
      const { post, bearer } = await start()
      expect((await post(call('search'), await bearer({ scope: 'other' }))).status).toBe(403)
      expect((await post(call('search'), await bearer())).status).toBe(200)
      expect((await post(call('free'), await bearer())).status).toBe(200)
    },
  )

  verifies(
    'IDN-22',
    'a session belongs to users or to callers without a token, for good',
    async () => {
      const { post, other, bearer, arrived } = await start()
      const withToken = await bearer()
      const began = await post(message('initialize'))
      const session = { 'mcp-session-id': began.headers.get('mcp-session-id') ?? '' }
      expect(session['mcp-session-id']).toMatch(/^anonymous\./)
      const ofUser = await post(message('initialize'), withToken)
      const own = { 'mcp-session-id': ofUser.headers.get('mcp-session-id') ?? '' }
      expect(own['mcp-session-id']).not.toMatch(/^anonymous\./)
      arrived.length = 0

      expect((await post(call('search'), { ...withToken, ...session })).status).toBe(404)
      expect((await post(call('free'), { ...withToken, ...session })).status).toBe(404)
      expect((await other('GET', { ...withToken, ...session })).status).toBe(404)
      expect((await other('DELETE', { ...withToken, ...session })).status).toBe(404)
      // Without a token, a user's session gets the challenge: nobody learns whether it exists.
      for (const foreign of [own, { 'mcp-session-id': 'guessed' }]) {
        expect((await post(call('search'), foreign)).status).toBe(401)
        expect((await post(message('initialize'), foreign)).status).toBe(401)
        expect((await other('GET', foreign)).status).toBe(401)
        expect((await other('DELETE', foreign)).status).toBe(401)
      }
      const made = `anonymous.${own['mcp-session-id']}`
      const bare = session['mcp-session-id'].slice('anonymous.'.length)
      expect((await post(call('search'), { 'mcp-session-id': made })).status).toBe(404)
      expect((await other('GET', { 'mcp-session-id': 'anonymous.guessed' })).status).toBe(404)
      expect((await post(call('search'), { 'mcp-session-id': bare })).status).toBe(401)
      expect((await post(call('search'), { ...withToken, 'mcp-session-id': bare })).status).toBe(
        404,
      )
      expect(arrived).toEqual([])
    },
  )

  verifies('IDN-22', 'a session that began without a token goes on without one', async () => {
    const { post, other } = await start()
    const began = await post(message('initialize'))
    const session = { 'mcp-session-id': began.headers.get('mcp-session-id') ?? '' }
    expect((await post(INITIALIZED, session)).status).toBe(200)
    expect((await post('{"jsonrpc":"2.0","id":1,"result":{}}', session)).status).toBe(200)
    expect((await post(call('search'), session)).status).toBe(200)
    expect((await other('GET', session)).status).toBe(200)
    expect((await other('DELETE', session)).status).toBe(200)
    expect((await post(call('delete'), session)).status).toBe(401)
    expect((await other('HEAD', session)).status).toBe(401)
    expect((await other('PUT', session)).status).toBe(401)
  })

  verifies(
    'IDN-27',
    'lists say which tools need a login, to each side in its own way',
    async () => {
      const tools = [
        { name: 'search', description: 'x'.repeat(2000) },
        { name: 'delete', inputSchema: { type: 'object' } },
        { name: 'free', securitySchemes: [{ type: 'noauth' }], title: 'Free' },
        { title: 'Admin', name: 'open_admin' },
        { name: 'nothing' },
        { title: 'has no name' },
      ]
      const text = (result: object) => JSON.stringify({ jsonrpc: '2.0', id: 1, result })
      const answer = { body: text({ tools, ttlMs: 5 }), type: 'application/json' }
      const { post, bearer } = await start(POLICY, {}, answer)
      const login = (...scopes: string[]) => ({ type: 'oauth2', scopes: ['base', ...scopes] })
      const noauth = { type: 'noauth' }
      const [search, remove, free, admin] = tools
      const ofNobody = [
        { ...search, securitySchemes: [noauth] },
        { ...remove, securitySchemes: [login('write')] },
        { ...free, securitySchemes: [login()] },
        { ...admin, securitySchemes: [login('admin')] },
      ]
      const ofUser = [
        { ...search, securitySchemes: [noauth, login()] },
        { ...free, securitySchemes: [login()] },
      ]
      const listed = async (headers: Record<string, string> = {}) => {
        const { result } = (await (await post(message('tools/list'), headers)).json()) as {
          result: { tools: unknown; cacheScope: unknown }
        }
        expect(result.cacheScope).toBe('private')
        return result.tools
      }
      const withToken = await bearer()
      const writer = await bearer({ scope: 'base write' })
      const everything = await bearer({ scope: 'base write admin' })
      for (let round = 0; round < 2; round++) {
        // The same tools, told in two ways.
        expect(await listed(everything)).toEqual([ofUser[0], ...ofNobody.slice(1)])
        expect(await listed()).toEqual(ofNobody)
        expect(await listed(withToken)).toEqual(ofUser)
        expect(await listed(writer)).toEqual([
          ofUser[0],
          { ...remove, securitySchemes: [login('write')] },
          ofUser[1],
        ])
      }
    },
  )

  verifies('IDN-27', 'other lists show a caller without a token what needs none', async () => {
    const result = {
      prompts: [{ name: 'one' }],
      resources: [{ uri: 'docs://public/one' }, { uri: 'docs://secret/one' }],
      resourceTemplates: [{ uriTemplate: 'docs://secret/{name}', name: 'secret' }],
    }
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, result })
    const { post } = await start(POLICY, {}, { body, type: 'application/json' })
    expect(await (await post(message('resources/list'))).json()).toEqual({
      jsonrpc: '2.0',
      id: 1,
      result: { prompts: [], resources: [{ uri: 'docs://public/one' }], resourceTemplates: [] },
    })
  })

  verifies(
    'IDN-27',
    'lists stay as they are where the policy says so, or nothing is public',
    async () => {
      const body = '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"search"},{"name":"x"}]}}'
      const answer = { body, type: 'application/json' }
      const full = await start({ ...POLICY, lists: 'full' }, {}, answer)
      expect(await (await full.post(message('tools/list'))).text()).toBe(body)
      const closed = await start(CLOSED, {}, answer)
      expect(await (await closed.post(message('tools/list'), await closed.bearer())).text()).toBe(
        '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"search"}]}}',
      )
    },
  )

  const RESULT = { refusalForm: 'tool-result' } as const

  verifies('IDN-28', 'a tool result has the challenge that the header would have', async () => {
    const http = await start()
    const { post, bearer, arrived, events } = await start(POLICY, RESULT)
    const challenge = (await http.post(call('delete'))).headers.get('www-authenticate')
    for (const id of ['7', '"a"', '12345678901234567890']) {
      const answer = await post(call('delete').replace('"id":1', `"id":${id}`))
      expect(answer.status).toBe(200)
      expect(answer.headers.get('www-authenticate')).toBeNull()
      expect(answer.headers.get('content-type')).toBe('application/json')
      const text = await answer.text()
      expect(text.startsWith(`{"jsonrpc":"2.0","id":${id},"result":{`)).toBe(true)
      expect((JSON.parse(text) as { result: unknown }).result).toEqual({
        content: [{ type: 'text', text: 'An access token is required' }],
        isError: true,
        _meta: { 'mcp/www_authenticate': [challenge] },
      })
    }
    const withToken = await bearer()
    const lacking = await http.post(call('delete'), await http.bearer())
    expect(lacking.status).toBe(403)
    const told = await post(call('delete'), withToken)
    expect(told.status).toBe(200)
    expect(await told.json()).toMatchObject({
      id: 1,
      result: {
        isError: true,
        _meta: { 'mcp/www_authenticate': [lacking.headers.get('www-authenticate')] },
      },
    })
    const denied = events.filter((event) => event.type === 'request.denied')
    expect(denied.map(({ status }) => status)).toEqual([401, 401, 401, 403])
    expect(arrived).toEqual([])
  })

  verifies('IDN-28', 'everything else keeps its status in every form', async () => {
    const { post, other, bearer, idp } = await start(POLICY, RESULT)
    const statusOf = async (body: string, headers?: Record<string, string>) =>
      (await post(body, headers)).status
    expect(await statusOf(batch(call('search', 1), call('delete', 2)))).toBe(401)
    expect(await statusOf(batch(call('delete')))).toBe(401)
    expect(await statusOf(call('delete').replace('"id":1,', ''))).toBe(401)
    expect(await statusOf(read('docs://secret/one'))).toBe(401)
    expect(await statusOf(message('prompts/get', { name: 'one' }))).toBe(401)
    expect((await other('GET')).status).toBe(401)
    const expired = await idp.token({ claims: { scope: 'base', exp: 1_000_000_000 } })
    expect(await statusOf(call('search'), { authorization: `Bearer ${expired}` })).toBe(401)
    expect(await statusOf(call('delete'), { authorization: `Bearer ${expired}` })).toBe(401)
    expect(await statusOf(call('delete'), { authorization: 'Basic eDp5' })).toBe(401)
    // No login would help.
    expect(await statusOf(call('nothing'), await bearer())).toBe(403)
    expect(await statusOf(read('docs://secret/one'), await bearer({ scope: 'x' }))).toBe(403)
  })

  verifies(
    'IDN-28',
    'without anonymous rules a call without a token is always challenged',
    async () => {
      const { post, bearer } = await start(CLOSED, RESULT)
      expect((await post(call('search'))).status).toBe(401)
      expect((await post(call('search'), await bearer({ scope: 'x' }))).status).toBe(200)
    },
  )

  verifies('IDN-28', 'the form fits the client where it is known, and its revision', async () => {
    const { post } = await start(POLICY, { refusalForm: 'auto' })
    const statusFor = async (agent: string) =>
      (await post(call('delete'), { 'user-agent': agent })).status
    for (const agent of ['openai-mcp/1.0.0', 'openai-mcp/1.0.0 (+https://openai.com/bot)']) {
      expect([agent, await statusFor(agent)]).toEqual([agent, 200])
    }
    for (const agent of [
      'Claude-User',
      'claude-code/2.1.0 (cli)',
      'node',
      'python-httpx/0.28.1',
      'not openai-mcp/1.0.0',
      'Mozilla/5.0 (compatible; ChatGPT-User/1.0; +https://openai.com/bot)',
    ]) {
      expect([agent, await statusFor(agent)]).toEqual([agent, 401])
    }
    const modern = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: {
        name: 'delete',
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientInfo': { name: 'c', version: '1' },
          'io.modelcontextprotocol/clientCapabilities': {},
        },
      },
    })
    const answer = await post(modern, {
      'user-agent': 'openai-mcp/1.0.0',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'delete',
    })
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ result: { resultType: 'complete', isError: true } })
  })

  verifies('IDN-25', 'each address may use so much, each message of a batch counts', async () => {
    const policy = { ...POLICY, anonymousLimit: { rate: '5/h' } }
    const { post, bearer, arrived, events } = await start(policy)
    const three = batch(call('search', 1), call('search', 2), call('search', 3))
    expect((await post(three)).status).toBe(200)
    // It counts as one, as everything that is refused.
    expect((await post(three)).status).toBe(429)
    expect((await post(message('tools/list'))).status).toBe(200)
    const beyond = await post(message('initialize'))
    expect(beyond.status).toBe(429)
    expect(Number(beyond.headers.get('retry-after'))).toBeGreaterThan(700)
    // Users are not concerned.
    expect((await post(call('search'), await bearer())).status).toBe(200)
    expect(arrived).toHaveLength(3)
    const limited = events.filter((event) => event.type === 'operation.limited')
    expect(limited).toMatchObject([
      { limit: '5/h per address', issuer: undefined, subject: undefined, isFirst: true },
      // One use was allowed in between.
      { limit: '5/h per address', isFirst: true },
    ])
  })

  verifies('IDN-25', 'what is refused counts, too, and its body is not read then', async () => {
    const { post, bearer, arrived } = await start({ ...POLICY, anonymousLimit: { rate: '3/h' } })
    const statuses: number[] = []
    for (const body of [call('delete'), '{', batch(call('search', 1), call('delete', 2))]) {
      statuses.push((await post(body)).status)
    }
    expect(statuses).toEqual([401, 400, 401])
    // The last one would be 400 if it were read.
    for (const body of [call('search'), call('delete'), 'x'.repeat(2 ** 21)]) {
      expect((await post(body)).status).toBe(429)
    }
    expect(arrived).toEqual([])
    expect((await post(call('search'), await bearer())).status).toBe(200)
  })

  verifies('IDN-25', 'a limit of a rule counts callers without a token apart', async () => {
    const { post, bearer } = await start()
    expect((await post(call('rare'))).status).toBe(200)
    expect((await post(call('rare'))).status).toBe(429)
    expect((await post(call('search'))).status).toBe(200)
    expect((await post(call('rare'), await bearer())).status).toBe(200)
  })

  verifies('IDN-25', 'streams count', async () => {
    const { post, other } = await start({ ...POLICY, anonymousLimit: { rate: '2/h' } })
    const began = await post(message('initialize'))
    const session = { 'mcp-session-id': began.headers.get('mcp-session-id') ?? '' }
    expect((await other('GET', session)).status).toBe(200)
    expect((await other('GET', session)).status).toBe(429)
  })

  verifies('IDN-26', 'X-Forwarded-For counts only from a trusted proxy', async () => {
    const policy = { ...POLICY, anonymousLimit: { rate: '1/h' } }
    const from = (address: string) => ({ 'x-forwarded-for': address })
    const direct = await start(policy)
    expect((await direct.post(call('search'), from('192.0.2.1'))).status).toBe(200)
    expect((await direct.post(call('search'), from('192.0.2.2'))).status).toBe(429)
    const trusting = await start(policy, { trustedProxies: ['127.0.0.0/8', '10.0.0.0/8'] })
    const statusOf = async (address: string) =>
      (await trusting.post(call('search'), from(address))).status
    expect(await statusOf('192.0.2.1')).toBe(200)
    // What stands before the entry of the proxy was sent by the client.
    expect(await statusOf('192.0.2.9, 192.0.2.1')).toBe(429)
    expect(await statusOf('192.0.2.9, 192.0.2.1, 10.1.2.3')).toBe(429)
    expect(await statusOf('192.0.2.2')).toBe(200)
    expect(await statusOf('2001:db8:0:1::1')).toBe(200)
    expect(await statusOf('2001:db8:0:1:ffff::2')).toBe(429)
    expect(await statusOf('2001:db8:0:2::1')).toBe(200)
    expect(await statusOf('::ffff:192.0.2.2')).toBe(429)
    // Nonsense is the proxy itself.
    expect(await statusOf('192.0.2.77, unknown')).toBe(200)
    expect(await statusOf('192.0.2.78, "_hidden"')).toBe(429)
  })

  verifies('IDN-25', 'who sends what cannot be read must wait', async () => {
    const { post, bearer } = await start()
    for (let count = 0; count < 30; count++) expect((await post('{')).status).toBe(400)
    expect((await post('{')).status).toBe(429)
    expect((await post(call('search'), await bearer())).status).toBe(200)
  })
})
