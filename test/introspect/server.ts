/** An introspection endpoint in the test's own process: every answer and every way to fail, and a count. */
import { ISSUER } from '../support/idp.js'

export interface IntrospectionCall {
  readonly method: string
  readonly accept: string | null
  readonly authorization: string | null
  readonly form: URLSearchParams
}

type Answer = Response | Promise<Response> | object

export class FakeIntrospection {
  readonly calls: IntrospectionCall[] = []
  /** What is said of a token; an object is an answer of 200 in JSON. */
  answer: (token: string) => Answer = () => this.active()
  /** Milliseconds that an answer takes. */
  delay = 0
  metadata: Record<string, unknown> = {}
  inFlight = 0
  mostInFlight = 0
  now: () => number = Date.now

  /** What a server says of a token that is right in everything. */
  active(claims: Record<string, unknown> = {}): object {
    return {
      active: true,
      iss: ISSUER,
      sub: 'user-1',
      aud: 'https://mcp.example.com/mcp',
      client_id: 'client-1',
      scope: 'mcp:tools',
      exp: Math.floor(this.now() / 1000) + 300,
      ...claims,
    }
  }

  get tokens(): readonly (string | null)[] {
    return this.calls.map(({ form }) => form.get('token'))
  }

  readonly fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const url = String(input)
    if (url.includes('/.well-known/')) {
      return Response.json({
        issuer: ISSUER,
        jwks_uri: `${ISSUER}/keys`,
        introspection_endpoint: `${ISSUER}/introspect`,
        ...this.metadata,
      })
    }
    const headers = new Headers(init?.headers)
    const form = new URLSearchParams(String(init?.body))
    this.calls.push({
      method: init?.method ?? 'GET',
      accept: headers.get('accept'),
      authorization: headers.get('authorization'),
      form,
    })
    this.inFlight++
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight)
    try {
      await new Promise((resolve) => setTimeout(resolve, this.delay))
      init?.signal?.throwIfAborted()
      const answer = await this.answer(form.get('token') ?? '')
      return answer instanceof Response ? answer : Response.json(answer)
    } finally {
      this.inFlight--
    }
  }
}
