/** URIs of resources: what a policy allows must not be another name, for any server, of what it closes. */
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Glob, piecesOf, type Text } from '../../src/policy/globs.js'
import { checkPolicy } from '../../src/policy/document.js'
import { RulePolicy } from '../../src/policy/policy.js'
import { canonicalUri, parseResourceUri } from '../../src/mcp/resource-uri.js'
import { compileUriPattern } from '../../src/policy/uri-pattern.js'
import { canonicalTemplate } from '../../src/mcp/uri-template.js'
import type { VerifiedAccessToken } from '../../src/types.js'
import {
  isClosedParameter,
  isClosedPath,
  isOfClosedPlace,
  isOutside,
  judgeUri,
  narrowRules,
  OPEN_QUERIES,
  openRules,
  parametersOfNode,
  readingsOfNode,
  trickyQueries,
  trickyUris,
} from '../support/uri-readings.js'
import { verifies } from '../support/verifies.js'

const RUNS = { numRuns: Number(process.env['URI_RUNS'] ?? 1_000) }

verifies('ATK-10', 'what is allowed is no name of what is closed, for no reader of Node', () => {
  const judged = { open: 0, closed: 0, refused: 0 }
  let tempting = 0
  fc.assert(
    fc.property(trickyUris, openRules, fc.constantFrom('deny', 'base'), (uri, opening, rest) => {
      const verdict = judgeUri(uri, opening, rest)
      judged[verdict]++
      const hits = isOfClosedPlace(uri) ? readingsOfNode(uri).filter(isClosedPath) : []
      if (hits.length > 0) tempting++
      const opened = verdict === 'open' ? hits : []
      expect({ uri, opening, opened }).toEqual({ uri, opening, opened: [] })
    }),
    RUNS,
  )
  // All of them occur, or nothing was shown.
  expect(Math.min(judged.open, judged.closed, judged.refused, tempting)).toBeGreaterThan(50)
})

verifies('ATK-10', 'no reader of Node leaves what a narrow pattern means', () => {
  const judged = { open: 0, closed: 0, refused: 0 }
  let tempting = 0
  fc.assert(
    fc.property(fc.oneof(trickyUris, trickyQueries), narrowRules, (uri, narrow) => {
      const verdict = judgeUri(uri, [narrow.pattern], 'deny')
      judged[verdict]++
      const found = { paths: readingsOfNode(uri), parameters: parametersOfNode(uri) }
      const outside = isOutside(narrow, found)
      if (outside) tempting++
      const isHole = verdict === 'open' && outside
      expect({ uri, pattern: narrow.pattern, isHole }).toEqual({
        uri,
        pattern: narrow.pattern,
        isHole: false,
      })
    }),
    // One in seventy is allowed: enough of them must occur.
    { numRuns: RUNS.numRuns * 10 },
  )
  expect(Math.min(judged.open, judged.closed, judged.refused, tempting)).toBeGreaterThan(50)
})

verifies('ATK-10', 'no reader of Node finds a closed value in an open query', () => {
  const judged = { open: 0, closed: 0, refused: 0 }
  let tempting = 0
  fc.assert(
    fc.property(trickyQueries, (uri) => {
      const verdict = judgeUri(uri, OPEN_QUERIES, 'deny')
      judged[verdict]++
      const hits = parametersOfNode(uri).filter((each) => isClosedParameter(uri, each))
      if (hits.length > 0) tempting++
      const opened = verdict === 'open' ? hits : []
      expect({ uri, opened }).toEqual({ uri, opened: [] })
    }),
    { numRuns: RUNS.numRuns * 3 },
  )
  expect(Math.min(judged.open, judged.closed, judged.refused, tempting)).toBeGreaterThan(50)
})

verifies('ATK-10', 'components are those of the URL standard, and stay what they are', () => {
  fc.assert(
    fc.property(trickyUris, (text) => {
      const uri = parseResourceUri(text)
      fc.pre(uri !== undefined)
      // Read again it is the same.
      expect(parseResourceUri(uri.text)).toEqual(uri)
      fc.pre(URL.canParse(text))
      const { protocol, hostname, port, pathname, search, hash } = new URL(text)
      expect(hash).toBe('')
      expect(`${uri.scheme}:`).toBe(protocol)
      expect(uri.port).toBe(port)
      const host = decodeURIComponent(hostname).toLowerCase().replace(/\.$/, '')
      const isLocal = uri.scheme === 'file' && host === 'localhost'
      expect(decodeURIComponent(uri.host)).toBe(isLocal ? '' : host)
      expect(uri.path).toBe(decodeURIComponent(pathname).replace(/\/{2,}/g, '/'))
      expect(uri.query === undefined || uri.query === '').toBe(search === '')
      const isPath = uri.scheme === 'file' && hostname === '' && process.platform !== 'win32'
      const path = isPath ? fileURLToPath(text).replace(/\/{2,}/g, '/') : uri.path
      expect(path).toBe(uri.path)
    }),
    RUNS,
  )
})

const nobody = { scopes: [], claims: {} } as unknown as VerifiedAccessToken

/** What each of these URIs gets: the scopes that it needs, or `denied`. */
function verdicts(
  rules: Readonly<Record<string, string>>,
  uris: readonly string[],
  unmatched = 'deny',
): Record<string, string> {
  const { policy, problems } = checkPolicy({
    rules: Object.entries(rules).map(([resources, scopes]) => ({ resources, scopes })),
    unmatched,
  })
  expect(problems).toEqual([])
  const compiled = new RulePolicy(policy)
  return Object.fromEntries(
    uris.map((uri) => {
      const name = canonicalUri(uri) ?? ''
      const { denial, scopes } = compiled.authorize(
        { method: 'resources/read', target: 'resource', name },
        nobody,
      )
      return [uri, denial === undefined ? [...scopes].sort().join(' ') : 'denied']
    }),
  )
}

describe('a pattern', () => {
  verifies('ATK-10', 'without a query asks for its scopes whatever the query', () => {
    const rules = {
      'file:///srv/**': 'wide',
      'file:///srv/private/key.pem': 'narrow',
      'file:///srv/q/**?*': 'query',
    }
    expect(
      verdicts(rules, [
        'file:///srv/a',
        'file:///srv/a?',
        'file:///srv/a?x',
        'file:///srv/private/key.pem',
        'file:///srv/private/key.pem?',
        'file:///srv/private/key.pem/',
        'file:///srv/private/key.pem;v=1',
        'file:///srv/q/a',
        'file:///srv/q/a?',
        'file:///srv/q/a?x=1',
        'file:///srv/q/a?x=1/2',
        'file:///etc/a?',
      ]),
    ).toEqual({
      'file:///srv/a': 'wide',
      'file:///srv/a?': 'denied',
      'file:///srv/a?x': 'denied',
      'file:///srv/private/key.pem': 'narrow wide',
      'file:///srv/private/key.pem?': 'denied',
      'file:///srv/private/key.pem/': 'narrow wide',
      'file:///srv/private/key.pem;v=1': 'narrow wide',
      'file:///srv/q/a': 'wide',
      'file:///srv/q/a?': 'query wide',
      'file:///srv/q/a?x=1': 'query wide',
      'file:///srv/q/a?x=1/2': 'denied',
      'file:///etc/a?': 'denied',
    })
  })

  verifies('ATK-10', 'with a query asks for its scopes whatever else stands in the query', () => {
    const rules = {
      'db://t?*': 'any',
      'db://t?table=secret': 'one',
      'db://t?table=a b&all=*': 'two',
    }
    const uris = {
      'db://t?table=public': 'any',
      'db://t?table=secret': 'any one',
      'db://t?table=secret&x=1': 'any one',
      'db://t?x=1&table=secret': 'any one',
      'db://t?&table=secret&': 'any one',
      'db://t?x=1;table=secret': 'any one',
      'db://t?table=public&t%61ble=secret': 'any one',
      // As text it is a value of another parameter, or another value.
      'db://t?x=table=secret': 'any',
      'db://t?x=1%26table=secret': 'any one',
      'db://t?table=secrets': 'any',
      'db://t?xtable=secret': 'any',
      'db://t?table=a+b&all=1': 'any two',
      'db://t?all=&x=1&table=a%20b': 'any two',
      'db://t?table=a+b': 'any',
      'db://t?table=a%2Bb&all=1': 'any two',
    }
    expect(verdicts(rules, Object.keys(uris))).toEqual(uris)
    // What it does not name it does not allow.
    const narrow = { 'db://t?table=secret': 'one' }
    expect(verdicts(narrow, ['db://t?table=secret', 'db://t?table=secret&x=1'])).toEqual({
      'db://t?table=secret': 'one',
      'db://t?table=secret&x=1': 'denied',
    })
  })

  verifies('ATK-10', 'with a star in a query allows no parameter that it does not name', () => {
    const rules = {
      'db://h/t?table=public_*': 'one',
      'db://h/u?table=*&user=me': 'two',
      'db://h/v?table=**': 'long',
      'db://h/w?*': 'any',
      'db://h/x?tab*=x': 'name',
      'db://h/y?tag=a&tag=b': 'literal',
      'db://h/z?flag*': 'flag',
      'db://h/p?page[number]=*&page[size]=*': 'page',
    }
    const uris = {
      'db://h/t?table=public_a': 'one',
      'db://h/t?table=public_': 'one',
      'db://h/t?table=public_a=b': 'one',
      'db://h/t?table=public_a%26b': 'one',
      'db://h/t?t%61ble=public_a': 'one',
      'db://h/t?table=public_a&table=secret': 'denied',
      'db://h/t?table=public_a;table=secret': 'denied',
      'db://h/t?table=public_a&admin=1': 'denied',
      'db://h/t?table=public_a&': 'denied',
      'db://h/t?&table=public_a': 'denied',
      'db://h/t?table=public_a/b': 'denied',
      'db://h/t?TABLE=public_a': 'denied',
      'db://h/u?table=x&user=me': 'two',
      'db://h/u?table=x;user=me': 'denied',
      'db://h/u?user=me&table=x': 'denied',
      'db://h/u?table=x&user=root&user=me': 'denied',
      'db://h/u?table=x&user=me&user=root': 'denied',
      'db://h/v?table=a/b': 'long',
      'db://h/v?table=a/b&x=1': 'denied',
      'db://h/v?table=a/b;x': 'denied',
      'db://h/w?a=1&b=2&a=3': 'any',
      'db://h/x?table=x': 'name',
      'db://h/x?table=secret=x': 'denied',
      'db://h/x?table': 'denied',
      'db://h/y?tag=a&tag=b': 'literal',
      'db://h/y?tag=b&tag=a': 'denied',
      'db://h/z?flags=1': 'flag',
      'db://h/z?flags=1&x': 'denied',
      'db://h/p?page[number]=1&page%5Bsize%5D=2': 'page',
    }
    expect(verdicts(rules, Object.keys(uris))).toEqual(uris)
  })

  verifies('ATK-10', 'with a query asks for its scopes under every name and value of it', () => {
    const rules = {
      'db://h/t?**': 'any',
      'db://h/t?table=secret': 'one',
      'db://h/t?path=private/**': 'path',
      'db://h/t?a.b=1': 'dot',
      'db://h/t?list[]=x': 'list',
      'db://h/t?q=a=b': 'equals',
      'db://h/t?n=a;b': 'semicolon',
    }
    const uris = {
      'db://h/t?table[]=secret': 'any one',
      'db://h/t?table%5B0%5D=secret': 'any one',
      'db://h/t?table[x][y]=secret': 'any one',
      'db://h/t?+table=secret': 'any one',
      'db://h/t?%20table=secret': 'any one',
      'db://h/t?table=%2573ecret': 'any one',
      'db://h/t?table=a&table=secret': 'any one',
      'db://h/t?tables[]=secret': 'any',
      'db://h/t?TABLE=secret': 'any',
      'db://h/t?path=private/a': 'any path',
      'db://h/t?path=./private/a': 'any path',
      'db://h/t?path=//private//a': 'any path',
      'db://h/t?path=privately/a': 'any',
      'db://h/t?a_b=1': 'any dot',
      'db://h/t?a%20b=1': 'any dot',
      'db://h/t?ab=1': 'any',
      'db://h/t?list[3]=x': 'any list',
      'db://h/t?list[]=y': 'any',
      'db://h/t?q=a%3Db': 'any equals',
      'db://h/t?q=a%253Db': 'any equals',
      'db://h/t?n=a%3Bb': 'any semicolon',
      'db://h/t?x=1;n=a;b': 'any semicolon',
    }
    expect(verdicts(rules, Object.keys(uris))).toEqual(uris)
  })

  verifies(
    'ATK-10',
    'with a query asks for its scopes where a server decodes the URI first',
    () => {
      const rules = {
        'db://h/**': 'any',
        'db://h/**?**': 'query',
        'db://h/t?table=secret': 'one',
        'db://h/**/u?table=secret': 'wild',
      }
      const hidden = {
        'db://h/t?table=secret': 'any one query',
        'db://h/t%3Ftable=secret': 'any one query',
        'db://h/t%253Ftable=secret': 'any one query',
        'db://h/t%3Fa%26table=secret': 'any one query',
        'db://h/t?a=1%26table=secret': 'any one query',
        'db://h/t?a=1%2526table=secret': 'any one query',
        'db://h/t?a%26table=secret': 'any one query',
        'db://h/t?table%3Dsecret': 'any one query',
        'db://h/t?table=secret%23z': 'any one query',
        'db://h/t?table=secret%26b=1': 'any one query',
        'db://h/x/u%3Ftable=secret': 'any query wild',
      }
      const others = {
        'db://h/t': 'any',
        'db://h/t?table=secrets': 'any query',
        'db://h/t%3Ftable=secrets': 'any query',
        'db://h/t?a=1%26tables=secret': 'any query',
        'db://h/t?a=1%23table=secret': 'any query',
        'db://h/s%3Ftable=secret': 'any query',
        'db://h/t%2526table=secret': 'any',
      }
      const all = { ...hidden, ...others }
      expect(verdicts(rules, Object.keys(all))).toEqual(all)
      // A query that only some servers see allows nothing.
      const narrow = { 'db://h/**?table=public': 'read' }
      const uris = ['db://h/t?table=public', 'db://h/t%3Ftable=public', 'db://h/t']
      expect(Object.values(verdicts(narrow, uris))).toEqual(['read', 'denied', 'denied'])
    },
  )

  verifies('ATK-10', 'holds for every path that servers make of segments with parameters', () => {
    const rules = {
      'file:///srv/**': 'wide',
      'file:///srv/private/**': 'narrow',
      'file:///srv/one/key.pem': 'one',
      'file:///srv/one/p;q': 'odd',
      'file:///srv/two/*/x': 'two',
    }
    const uris = {
      'file:///srv/;a/private/key.pem': 'narrow wide',
      'file:///srv/;/private/key.pem': 'narrow wide',
      'file:///srv/;a/;b/private;d/key.pem': 'narrow wide',
      'file:///srv/one/key.pem/;x/': 'one wide',
      'file:///srv/one/key.pem;x//;y': 'one wide',
      'file:///srv/one/key%2570em': 'wide',
      'file:///srv/one/key.%2570em': 'one wide',
      'file:///srv/one/key.pem%3Fx': 'one wide',
      'file:///srv/one/key.pem%23x': 'one wide',
      'file:///srv/one/key.pem%253Bx': 'one wide',
      // A server that drops parameters first, and then decodes, finds p;q.
      'file:///srv/one/p%3Bq;r': 'odd wide',
      'file:///srv/one/;key.pem': 'wide',
      'file:///srv/two/a;b/x': 'two wide',
      'file:///srv/two/;b/x': 'two wide',
      'file:///srv/privately;/key.pem': 'wide',
      // Each of them could be a part of a name.
      'file:///srv/a;1;2;3;4;5;6;7': 'wide',
      'file:///srv/a;1;2;3;4;5;6;7;8': 'denied',
      'file:///srv/a;b/c;d/e;f': 'wide',
      'file:///srv/a;b/c;d/e;f/g;h': 'denied',
      [`file:///srv/a${';b'.repeat(16)}`]: 'denied',
    }
    expect(verdicts(rules, Object.keys(uris))).toEqual(uris)
    const denied = [`file:///srv/a${';b'.repeat(16)}`]
    expect(verdicts({ 'x:y': 'y' }, denied, 'base')).toEqual({ [denied[0] as string]: 'denied' })
  })

  verifies('ATK-10', 'allows parameters of segments where what remains is allowed, too', () => {
    const rules = {
      'file:///srv/**/*.txt': 'text',
      'file:///srv/*/key': 'key',
      'x://h/docs;v=1/*': 'docs',
      'x://h/a;v=1': 'a',
    }
    const uris = {
      'file:///srv/d/a.txt': 'text',
      'file:///srv/d;v=1/a.txt': 'text',
      'file:///srv/d/a.txt;v=1': 'denied',
      'file:///srv/d/key.pem;.txt': 'denied',
      'file:///srv/a/key': 'key',
      'file:///srv/a;x/key': 'key',
      'file:///srv/;x/key': 'denied',
      'x://h/docs;v=1/a': 'docs',
      'x://h/docs;v=1/a;b': 'docs',
      'x://h/docs/a': 'denied',
      'x://h/docs;v=2/a': 'denied',
      'x://h/a;v=1': 'a',
      'x://h/a;v=2': 'denied',
      'x://h/a': 'denied',
    }
    expect(verdicts(rules, Object.keys(uris))).toEqual(uris)
  })

  verifies('ATK-10', 'leaves a query to base only where it knows nothing of the place', () => {
    const rules = { 'https://h/a': 'a', 'https://*.h/b?**': 'b' }
    const uris = ['https://h/c', 'https://h/c?x', 'https://h/a?x', 'https://other/c?x']
    expect(verdicts(rules, [...uris, 'https://x.h/b?x', 'https://x.h/c?x'], 'base')).toEqual({
      'https://h/c': '',
      'https://h/c?x': 'denied',
      'https://h/a?x': 'denied',
      'https://other/c?x': '',
      'https://x.h/b?x': 'b',
      'https://x.h/c?x': 'denied',
    })
    expect(verdicts(rules, ['https://other/c?x'])).toEqual({ 'https://other/c?x': 'denied' })
  })

  verifies('ATK-10', 'stays within its component', () => {
    const rules = {
      'https://*.example.com/**': 'host',
      'https://h:*/a*': 'port',
      'db://*/x': 'db',
      'file:///srv/**/*.txt': 'text',
    }
    expect(
      verdicts(rules, [
        'https://a.example.com/x/y',
        'https://a.b.EXAMPLE.com./x',
        'https://evil.test/.example.com/x',
        'https://evil.test?.example.com/x',
        'https://evil.test:80/.example.com/',
        'https://h:8443/a1',
        'https://h/a1',
        'https://h:8443/b/a1',
        'db://one/x',
        'db://one/two/x',
        'file:///srv/a/b.txt',
        'file:///srv/private/key.pem?/a.txt',
      ]),
    ).toEqual({
      'https://a.example.com/x/y': 'host',
      'https://a.b.EXAMPLE.com./x': 'host',
      'https://evil.test/.example.com/x': 'denied',
      'https://evil.test?.example.com/x': 'denied',
      'https://evil.test:80/.example.com/': 'denied',
      'https://h:8443/a1': 'port',
      'https://h/a1': 'port',
      'https://h:8443/b/a1': 'denied',
      'db://one/x': 'db',
      'db://one/two/x': 'denied',
      'file:///srv/a/b.txt': 'text',
      'file:///srv/private/key.pem?/a.txt': 'denied',
    })
  })

  verifies('ATK-10', 'with a user is for this user alone, and closes no less for them', () => {
    const rules = {
      'https://bob@h/**': 'bob',
      'https://h/secret': 'secret',
      'https://*/open': 'open',
    }
    expect(
      verdicts(rules, [
        'https://bob@h/x',
        'https://bo%62@h/secret',
        'https://eve@h/x',
        'https://@h/x',
        'https://bob@other/open',
        'https://h/secret',
        'https://h/x',
      ]),
    ).toEqual({
      'https://bob@h/x': 'bob',
      'https://bo%62@h/secret': 'bob secret',
      'https://eve@h/x': 'denied',
      'https://@h/x': 'denied',
      'https://bob@other/open': 'denied',
      'https://h/secret': 'secret',
      'https://h/x': 'denied',
    })
  })

  verifies(
    'ATK-10',
    'for files holds on every host, because readers look at the path alone',
    () => {
      const rules = { 'file:///srv/**': 'wide', 'file://*/srv/a/*': 'any', 'file:///srv/a/x': 'x' }
      expect(
        verdicts(rules, ['file://host/srv/a/b', 'file://host/srv/a/x', 'file://host/srv/b']),
      ).toEqual({
        'file://host/srv/a/b': 'any wide',
        'file://host/srv/a/x': 'any wide x',
        'file://host/srv/b': 'denied',
      })
      expect(verdicts({ 'file:///srv/a': 'a' }, ['file://host/srv/b'], 'base')).toEqual({
        'file://host/srv/b': 'denied',
      })
    },
  )

  verifies('ATK-10', 'compares what is decoded, brackets and stars too', () => {
    const rules = {
      'x://h/[a]': 'bracket',
      'x://h/%2A': 'star',
      'x://h/*9.md': 'nine',
      'x:**p': 'p',
    }
    expect(
      verdicts(rules, [
        'x://h/%5Ba%5d',
        'x://h/*',
        'x://h/b',
        'x://h/%C3%A9.md',
        'x://h/9.md',
        'x:a/p',
      ]),
    ).toEqual({
      'x://h/%5Ba%5d': 'bracket',
      'x://h/*': 'star',
      'x://h/b': 'denied',
      'x://h/%C3%A9.md': 'denied',
      'x://h/9.md': 'nine',
      'x:a/p': 'p',
    })
    // What begins with two stars closes what has an authority, too, and does not open it.
    expect(verdicts({ 'x:**p': 'p' }, ['x://h/p'])).toEqual({ 'x://h/p': 'denied' })
    expect(verdicts({ 'x:**p': 'p' }, ['x://h/p', 'x://h/q'], 'base')).toEqual({
      'x://h/p': 'p',
      'x://h/q': '',
    })
    expect(
      verdicts({ 'x:**': 'all', 'y://**': 'y' }, ['x://h/p', 'x:p', 'y://h:1/p', 'y:p']),
    ).toEqual({ 'x://h/p': 'all', 'x:p': 'all', 'y://h:1/p': 'y', 'y:p': 'denied' })
  })

  verifies('ATK-10', 'that no URI is like is a problem', () => {
    for (const text of [
      'file:///srv/**#x',
      'file:///srv/*#',
      'https://*@h/x',
      'https://b*@h/x',
      'file://bob@h/x',
      'notes://**-*.md',
      'https://**.example.com/x',
      'https://h:x/a',
      'https://h:99999/a',
      'https:///',
      'file:///srv/../x',
      'file:///srv/..;/x',
      'file:///srv/**?a=../b',
      'dir://h/list?path=public/..&x=*',
      'dir://h/list?path=public/a/..,*',
      'db://h/t?*&user=me',
      'db://h/t?tab*=x&user=me',
      'db://h/t?id=a&id=*',
      'db://h/t?a.b=1&a_b=*',
      'db://h/t?a=*&a[x]=1',
      'db://h/t?a[]=*;a=1',
      'file:///srv/%252e%252e/x',
      'file:///srv/%2f*',
      'file:///srv\\*',
      'file:///srv/* ',
      ' file:///srv/*',
      `file:///${'x'.repeat(2_048)}`,
      'file:///%C3*%A9',
      '*',
      '**',
      '*://h/x',
    ]) {
      const compiled = compileUriPattern(text)
      expect({ text, isUseless: 'reason' in compiled }).toEqual({ text, isUseless: true })
    }
    for (const text of [
      'file:///srv/**',
      'file:///**report*.pdf',
      'https://*.h:*/a*',
      'db://*/x',
      'x:**',
      'weather://forecast?*',
      'https://bob@h/**',
      'urn:isbn:*',
      'note:x',
      'demo://**',
      'file:///a%2Ab*',
      'db://h/t?a=*&A=*',
      'db://h/t?a=*&ab=*',
      'db://h/t?id=1&id=2',
    ]) {
      const compiled = compileUriPattern(text)
      expect('text' in compiled && compiled.text).toBe(text)
    }
  })

  verifies('ATK-10', 'is compared by reading each character once', () => {
    class Counted implements Text {
      reads = 0
      readonly #text: string
      constructor(text: string) {
        this.#text = text
      }
      get length() {
        return this.#text.length
      }
      startsWith(text: string) {
        return this.#text.startsWith(text)
      }
      endsWith(text: string) {
        return this.#text.endsWith(text)
      }
      charCodeAt(at: number) {
        this.reads++
        return this.#text.charCodeAt(at)
      }
    }
    for (const pattern of [
      '**-*.md',
      '**a**a**a**b*',
      '*-*-*-*-*',
      '**/*a*a*/**/*b',
      '**-*-*-*.md',
    ]) {
      const glob = new Glob(piecesOf(pattern, { separator: '/' }), { separator: '/' })
      for (const unit of ['-', 'a', 'a-', '/a', '-.m', 'ab/']) {
        const text = new Counted(unit.repeat(8_192).slice(0, 8_192))
        glob.isLike(text)
        expect(text.reads).toBeLessThanOrEqual(8_192)
      }
    }
  })
})

verifies('ATK-10', 'a dot segment is refused, whatever stands beside it', () => {
  const edges = [
    '/',
    '?',
    '&',
    '=',
    ';',
    ',',
    ':',
    '+',
    ' ',
    '|',
    '"',
    "'",
    '(',
    ')',
    '[',
    ']',
    '!',
  ]
  const all = [...edges, ...edges.map((edge) => encodeURIComponent(edge)), '%C2%A0', '%2526', '%25']
  const refused = all.flatMap((before) =>
    [...all, ''].flatMap((after) => [
      `x://h/a?b=c${before}..${after}${after === '' ? '' : 'd'}`,
      `x:a${before}..${after}${after === '' ? '' : 'd'}`,
    ]),
  )
  const dots = ['dir://h/l?path=a/.&x=1', 'x://h/.,y', 'x://h/a?/.', 'x://h/a?b=c/.;d', 'x:.']
  for (const uri of [...refused, ...dots, 'x://h/..%26x', 'x://h/..%20&x', 'x:..', 'x:..:y']) {
    expect({ uri, name: canonicalUri(uri) }).toEqual({ uri, name: undefined })
  }
  const legal = [
    'dir://h/list?range=1..5',
    'dir://h/list?range=1..',
    'dir://h/list?range=..5',
    'dir://h/list?range=[1..5]',
    'git://h/log?of=v1..v2',
    'git://h/log?of=v1...v2&x=...',
    'git://h/log?of=HEAD~1..HEAD%5E',
    'x://h/a...b',
    'x://h/...',
    'x://h/a../b',
    'x://h/a..;b',
    'x://h/a..,b',
    'file:///srv/..hidden',
    'file:///srv/.hidden',
    'x://h/a?dot=.',
    'x://h/a?dot=.&b=1',
    'x://h/a?path=./b',
    'x://h/a, b. c?q=e.g. this',
    'x://h/100%25',
  ]
  for (const uri of legal) {
    expect({ uri, isLegal: canonicalUri(uri) !== undefined }).toEqual({ uri, isLegal: true })
  }
})

verifies('ATK-10', 'templates are judged by what stands outside of their expressions', () => {
  expect(
    [
      'weather://forecast{?city}',
      'weather://forecast{?city,day}{&more*}',
      'weather://forecast?a=b{&more}',
      'file:///srv/{name}',
      'file:///srv{/path*}',
      'file:///srv/{+path}{#part}',
      'https://{host}.example.com/{x:3}',
      'file:///srv/../{x}',
      'file:///srv/{x}#y',
      'file:///srv/{not closed',
      '{+uri}',
    ].map((template) => canonicalTemplate(template)),
  ).toEqual([
    'weather://forecast?%7Bcity%7D',
    'weather://forecast?%7Bcity,day%7D&%7Bmore*%7D',
    'weather://forecast?a=b&%7Bmore%7D',
    'file:///srv/%7Bname%7D',
    'file:///srv/%7Bpath*%7D',
    'file:///srv/%7Bpath%7D',
    'https://template-variable.example.com/%7Bx:3%7D',
    undefined,
    undefined,
    'file:///srv/%7Bnot%20closed',
    undefined,
  ])
})

test('a rule with thousands of URIs costs no more than one', () => {
  const rules = Object.fromEntries(
    Array.from({ length: 5_000 }, (_, index) => [`db://h${index % 50}/t${index}`, `s${index}`]),
  )
  expect(verdicts(rules, ['db://h7/t4957', 'db://h7/t4958'])).toEqual({
    'db://h7/t4957': 's4957',
    'db://h7/t4958': 'denied',
  })
})
