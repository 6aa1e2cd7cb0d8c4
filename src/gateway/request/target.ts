/**
 * The request target: the requested path, and the one for the upstream.
 *
 * @module
 */

export interface RequestTarget {
  readonly path: string
  /** Without the `?`; `undefined` if there is none. */
  readonly query: string | undefined
}

/**
 * `undefined` for every form but the origin form (RFC 9112 §3.2.1): an absolute target names its
 * own host.
 */
export function parseTarget(target: string): RequestTarget | undefined {
  if (!target.startsWith('/')) return undefined
  const mark = target.indexOf('?')
  if (mark < 0) return { path: target, query: undefined }
  return { path: target.slice(0, mark), query: target.slice(mark + 1) }
}

/** Byte by byte: servers accept invalid UTF-8 as a name, too. */
function decodeName(text: string): string {
  return text
    .replaceAll('+', ' ')
    .replace(/%([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/**
 * The names of a query parameter, as any server might read it. Some ignore case, and some stop at
 * NUL. PHP (`php_register_variable_ex`) strips leading blanks, reads blanks, dots and an unclosed
 * `[` as `_`, and reads the text after `[` as an index.
 */
function namesOf(parameter: string): readonly string[] {
  const [text = ''] = parameter.split('=', 1)
  const [name = ''] = decodeName(text).toLowerCase().split('\0', 1)
  const plain = name.trim().replaceAll(/[. ]/g, '_')
  const bracket = plain.indexOf('[')
  if (bracket < 0) return [plain]
  return [plain.slice(0, bracket), plain.replaceAll('[', '_'), plain.replace('[', '_')]
}

/** With every second element a separator. `;` separates for some servers. */
function split(query: string): readonly string[] {
  return query.split(/([&;])/)
}

/**
 * The upstream's path and query for a client's query. Tokens are dropped (OAuth 2.1 §5.1), and so
 * are a client's parameters that the operator has set.
 *
 * @param upstream the endpoint
 */
export function createUpstreamTarget(upstream: URL): (query: string | undefined) => string {
  const own = upstream.pathname + upstream.search
  const ownNames = new Set(split(upstream.search.slice(1)).flatMap((each) => namesOf(each)))

  function isKept(parameter: string): boolean {
    return namesOf(parameter).every((name) => name !== 'access_token' && !ownNames.has(name))
  }

  return function upstreamTarget(query) {
    if (query === undefined || query === '') return own
    let kept = ''
    const parts = split(query)
    for (let i = 0; i < parts.length; i += 2) {
      const parameter = parts[i] ?? ''
      if (parameter === '' || !isKept(parameter)) continue
      kept += kept === '' ? parameter : `${parts[i - 1] ?? '&'}${parameter}`
    }
    if (kept === '') return own
    return `${own}${upstream.search === '' ? '?' : '&'}${kept}`
  }
}
