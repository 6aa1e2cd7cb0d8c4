/**
 * Writes down what a client really sends, and what comes back.
 */

/** One request that was really made, and what came back. */
export interface Exchange {
  readonly method: string
  readonly url: URL
  readonly requestHeaders: Headers
  readonly requestBody: string
  readonly status: number
  readonly headers: Headers
  /** Empty for a stream of events, which may have no end. */
  readonly body: string
}

/** A `fetch` that keeps what it did. */
export class Recorder {
  readonly exchanges: Exchange[] = []

  readonly fetch = async (url: string | URL, init: RequestInit = {}): Promise<Response> => {
    const response = await fetch(url, init)
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') ?? false
    this.exchanges.push({
      method: init.method ?? 'GET',
      url: new URL(url),
      requestHeaders: new Headers(init.headers),
      requestBody: init.body === undefined || init.body === null ? '' : String(init.body),
      status: response.status,
      headers: response.headers,
      body: isStream ? '' : await response.clone().text(),
    })
    return response
  }

  find(fits: (exchange: Exchange) => boolean): Exchange | undefined {
    return this.exchanges.find(fits)
  }
}

export type Members = Readonly<Record<string, unknown>>

/** The members of a JSON object; none when it is not one. */
export function members(text: string | undefined): Members {
  try {
    const value: unknown = JSON.parse(text ?? '')
    return typeof value === 'object' && value !== null ? (value as Members) : {}
  } catch {
    return {}
  }
}

/** Method and address, as a line of the walk begins. */
export function sent(exchange: Exchange | undefined): string {
  return exchange === undefined
    ? '→ never sent'
    : `→ ${exchange.method} ${exchange.url.origin}${exchange.url.pathname}`
}

/** Fits exchanges that call this method of JSON-RPC. */
export function rpc(method: string): (exchange: Exchange) => boolean {
  return ({ requestBody }) => members(requestBody)['method'] === method
}
