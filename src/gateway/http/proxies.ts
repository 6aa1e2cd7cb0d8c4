/**
 * Company proxies from the environment: which one to use for a URL.
 *
 * @module
 */
import { isLoopbackHost } from '../../base/http.js'

export type ProxyEnvironment = Readonly<Record<string, string | undefined>>

/** Lower case comes first, as in curl. An empty value means no proxy. */
function read(environment: ProxyEnvironment, name: string): readonly [string, string] | undefined {
  for (const spelling of [name, name.toUpperCase()]) {
    const value = environment[spelling]
    if (value !== undefined && value !== '') return [spelling, value]
  }
  return undefined
}

/** The URL of a proxy; without a scheme it is `http:`, as in curl. `undefined` if it is invalid. */
function parseProxy(value: string): URL | undefined {
  const text = /^[a-z][a-z\d+.-]*:\/\//i.test(value) ? value : `http://${value}`
  if (/\s/.test(text) || !URL.canParse(text)) return undefined
  const url = new URL(text)
  return /^https?:$/.test(url.protocol) && url.hostname !== '' ? url : undefined
}

/** The variables with an invalid proxy. Their values may hold passwords and are not shown. */
export function brokenProxies(environment: ProxyEnvironment = {}): readonly string[] {
  return ['http_proxy', 'https_proxy'].flatMap((name) => {
    const [spelling, value] = read(environment, name) ?? []
    return spelling === undefined || value === undefined || parseProxy(value) !== undefined
      ? []
      : [spelling]
  })
}

/** `example.com` and its subdomains, with a port only when one is written; `*` is everything. */
function isBypassed(url: URL, list: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = url.port || (url.protocol === 'https:' ? '443' : '80')
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter(Boolean)
    .some((entry) => {
      if (entry === '*') return true
      const [, bare = '', wanted] =
        /^(.*?)(?::(\d+))?$/.exec(entry.replace(/^\[|\](?=:|$)/g, '')) ?? []
      // An IPv6 address is full of colons.
      const [name, at] = /:/.test(bare)
        ? [entry.replace(/^\[|\]$/g, ''), undefined]
        : [bare, wanted]
      const suffix = name.replace(/^\*?\./, '')
      return (host === suffix || host.endsWith(`.${suffix}`)) && (at === undefined || at === port)
    })
}

/** The proxy for a URL; `undefined` for a direct connection. Loopback is always direct. */
export function proxyFor(url: URL, environment: ProxyEnvironment = {}): string | undefined {
  if (isLoopbackHost(url.hostname)) return undefined
  const [, value] =
    read(environment, url.protocol === 'https:' ? 'https_proxy' : 'http_proxy') ?? []
  if (value === undefined || isBypassed(url, read(environment, 'no_proxy')?.[1] ?? '')) {
    return undefined
  }
  return parseProxy(value)?.href
}
