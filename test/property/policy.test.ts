/** Patterns, URIs, hierarchies and lists of a policy, each against a slower and plainer reading of the same rule. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EventFilter } from '../../src/policy/event-filter.js'
import { GlobSet } from '../../src/policy/globs.js'
import { ListMemory } from '../../src/policy/list-memory.js'
import { ListFilter, UnfilterableAnswer } from '../../src/policy/list-filter.js'
import { readMessages } from '../../src/mcp/message.js'
import { operationsOf, UnclearOperation } from '../../src/mcp/operation.js'
import { RulePolicy } from '../../src/policy/policy.js'
import { checkPolicy } from '../../src/policy/document.js'
import { canonicalUri } from '../../src/mcp/resource-uri.js'
import { findCycle, ScopeHierarchy } from '../../src/token/scope-hierarchy.js'
import type { VerifiedAccessToken } from '../../src/types.js'
import { verifies } from '../support/verifies.js'

const letters = fc.constantFrom('a', 'b', '/', '*', '.', '\n', 'é')
const patterns = fc.array(fc.string({ unit: letters, minLength: 1, maxLength: 9 }), {
  maxLength: 8,
})
const texts = fc.string({ unit: fc.constantFrom('a', 'b', '/', '.', '\n', 'é', '*'), maxLength: 8 })

/** What it throws, if it does. */
function errorOf(act: () => void): unknown {
  try {
    act()
    return undefined
  } catch (error) {
    return error
  }
}

function likePattern(pattern: string, isUri: boolean): RegExp {
  const source = pattern.replace(/\*\*|\*|[^*]/gsu, (part) => {
    if (part === '**') return '[^]*'
    if (part === '*') return isUri ? '[^/]*' : '[^]*'
    return part.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
  })
  return new RegExp(`^${source}$`)
}

describe('patterns', () => {
  test.each([
    ['names', undefined],
    ['URIs', '/'],
  ] as const)('of %s match what each of them would match alone', (_kind, separator) => {
    fc.assert(
      fc.property(patterns, fc.array(texts, { maxLength: 20 }), (list, inputs) => {
        const globs = new GlobSet(list, { separator })
        for (const text of inputs) {
          const expected = list.flatMap((pattern, index) =>
            likePattern(pattern, separator !== undefined).test(text) ? [index] : [],
          )
          // Twice: the second time nothing is found out any more.
          expect([...globs.match(text)]).toEqual(expected)
          expect([...globs.match(text)]).toEqual(expected)
        }
      }),
    )
  })

  test('are compared in a time that no text makes long', () => {
    const names = new GlobSet(
      Array.from({ length: 500 }, (_, i) => `*_${i}_*`),
      { separator: undefined },
    )
    const uris = new GlobSet(['**a**a**a**a**b', '*a*a*a*a*a*b', '**/*a*a*/**/*b'], {
      separator: '/',
    })
    for (let i = 0; i < 60; i++) {
      const picked = Array.from({ length: 60 }, (_, j) => (i * 7919 + j * 104_729) % 500)
      const text = picked.map((n) => `_${n}_`).join('x')
      expect(names.match(text)).toEqual([...new Set(picked)].sort((a, b) => a - b))
    }
    // With a matcher that tries every way these would not end.
    expect(uris.match('a'.repeat(8_000))).toEqual([])
    expect(uris.match(`${'a/'.repeat(4_000)}c`)).toEqual([])
    expect(uris.match(`${'a'.repeat(7_999)}b`)).toEqual([0, 1])
  })

  test('stay right when what was found out is forgotten', () => {
    const globs = new GlobSet(['*x', 'k*', 'k1*x'], { separator: undefined })
    for (let i = 0; i < 30_000; i++) globs.match(`${i}`)
    expect(globs.match('k1-x')).toEqual([0, 1, 2])
    expect(globs.match('k2-x')).toEqual([0, 1])
    expect(globs.match('1-x')).toEqual([0])
    expect(globs.match('1')).toEqual([])
  })
})

describe('URIs', () => {
  const path = fc.array(fc.string({ unit: fc.constantFrom('a', 'B', '-', '~', 'é', ' ') }), {
    minLength: 1,
    maxLength: 5,
  })

  verifies(['HDR-08', 'CASE-58'], 'have one spelling, and it stays', () => {
    fc.assert(
      fc.property(path, fc.boolean(), (segments, isEncoded) => {
        const clean = segments.filter((segment) => segment !== '')
        const plain = `file:///${clean.join('/')}`
        // Blanks at the end are refused where they are not encoded.
        fc.pre(!plain.endsWith(' '))
        const other = clean
          .map((segment) =>
            isEncoded
              ? [...Buffer.from(segment)]
                  .map((byte) => `%${byte.toString(16).padStart(2, '0')}`)
                  .join('')
              : segment,
          )
          .join('//')
        const expected = canonicalUri(plain)
        expect(expected).toBeDefined()
        expect(canonicalUri(`FILE:///${other}`)).toBe(expected)
        expect(canonicalUri(expected ?? '')).toBe(expected)
      }),
    )
  })

  verifies(['HDR-08', 'CASE-58'], 'that a server would read alike are one', () => {
    for (const [uri, ...others] of [
      [
        'file:///srv/secret',
        'file:/srv/secret',
        'file:srv/secret',
        'file://localhost/srv/secret',
        'file:////srv/secret',
        'file://LOCALHOST./srv/secret',
      ],
      [
        'https://h/secret',
        'https://h:443/secret',
        'https://h:/secret',
        'https://h./secret',
        'https:h/secret',
        'https:///h/secret',
        'https://\uff48/secret',
        'https://%68/secret',
      ],
      ['http://127.0.0.1/s', 'http://0x7f.1/s', 'http://2130706433/s'],
      ['http://[::1]/s', 'http://[0:0:0::1]/s'],
      ['db://h/s', 'db://h:/s', 'db://H./s'],
      ['memo:secret', 'MEMO:%73ecret'],
      ['file:///C:/s', 'file:///C%3A/s', 'file:///C|/s', 'file:///C%3a/s'],
      ['file:///s{x}', 'file:///s%7Bx%7d'],
      ['file:///a,b!(1)', 'file:///a%2Cb%21%281%29'],
      ['file:///s[1]*', 'file:///s%5b1%5D%2a'],
      ['db://h/s?a=b/c[]', 'db://h/s?%61=b/c%5B%5d'],
      ['https://h', 'https://h/'],
    ] as const) {
      const expected = canonicalUri(uri)
      expect(expected).toBeDefined()
      for (const other of others) {
        expect({ other, as: canonicalUri(other) }).toEqual({ other, as: expected })
      }
      expect(canonicalUri(expected ?? '')).toBe(expected)
    }
    // What differs stays apart.
    expect(canonicalUri('db://h/a?x=%26')).not.toBe(canonicalUri('db://h/a?x=&'))
    expect(canonicalUri('https://h:8443/a')).not.toBe(canonicalUri('https://h/a'))
  })

  verifies('HDR-08', 'that a server would resolve first are none', () => {
    const trick = fc.constantFrom(
      '..',
      '.',
      '%2e%2e',
      '%2E',
      '.%2e',
      'a%2fb',
      'a%2Fb',
      'a%5cb',
      'a\\b',
      'a\0b',
      '%00',
      '%252e%252e',
      '%25252f',
      '..;',
      '.;x',
      '%2e.;x=1',
      '#',
      'a#b',
      '%0a',
      '%C2%85',
      '%E9',
      'a%',
      'a%4',
      '\ud800',
    )
    fc.assert(
      fc.property(path, trick, path, (before, odd, after) => {
        const uri = `file:///${[...before, odd, ...after].join('/')}`
        expect(canonicalUri(uri)).toBeUndefined()
      }),
    )
    for (const uri of [
      'file:///srv/a#',
      ' file:///srv/a',
      'file:///srv/a ',
      'file:///srv/a?/../b',
      'file:///srv/a?x=../b',
      'https://../a',
      'https://h:99999/a',
      'https:///',
      `file:///${'a'.repeat(2_048)}`,
    ]) {
      expect({ uri, as: canonicalUri(uri) }).toEqual({ uri, as: undefined })
    }
    expect(canonicalUri(`file:///${'a'.repeat(2_040)}`)).toBeDefined()
    expect(canonicalUri('x:a?path=./b&dots=a..b')).toBe('x:a?path=./b&dots=a..b')
    expect(canonicalUri('srv/a')).toBeUndefined()
    expect(canonicalUri('//srv/a')).toBeUndefined()
    expect(canonicalUri('file:///srv/..a/...')).toBe('file:///srv/..a/...')
    expect(canonicalUri('HTTPS://Example.COM/A//b?q=//%7e')).toBe('https://example.com/A/b?q=//~')
  })
})

describe('hierarchies', () => {
  const names: fc.Arbitrary<string> = fc.constantFrom(
    ...['a', 'b', 'c', 'd', 'e', '__proto__', 'constructor'],
  )
  const implications = fc
    .array(fc.tuple(names, fc.array(names, { maxLength: 3 })), { maxLength: 6 })
    .map((entries) => Object.fromEntries(entries) as Readonly<Record<string, readonly string[]>>)

  verifies('SCP-04', 'hold what follows, transitively, and nothing else', () => {
    fc.assert(
      fc.property(implications, fc.array(names, { maxLength: 3 }), (implies, granted) => {
        const reachable = new Set(granted)
        for (let round = 0; round < 10; round++) {
          for (const [scope, included] of Object.entries(implies)) {
            if (reachable.has(scope)) for (const each of included) reachable.add(each)
          }
        }
        const held = new ScopeHierarchy(implies).held(granted)
        expect([...held].sort()).toEqual([...reachable].sort())
      }),
    )
  })

  verifies('SCP-04', 'have a cycle exactly when a scope follows from itself', () => {
    fc.assert(
      fc.property(implications, (implies) => {
        const hierarchy = new ScopeHierarchy(implies)
        const isCyclic = Object.entries(implies).some(([scope, included]) =>
          hierarchy.held(included).has(scope),
        )
        const cycle = findCycle(implies)
        expect(cycle !== undefined).toBe(isCyclic)
        const path = cycle ?? []
        expect(path.at(-1)).toBe(path[0])
        for (const [index, scope] of path.slice(0, -1).entries()) {
          expect(implies[scope]).toContain(path[index + 1])
        }
      }),
    )
  })

  test('of many scopes in a row are no matter', () => {
    const scopes = Array.from({ length: 20_000 }, (_, index) => `s${index}`)
    const implies = Object.fromEntries(scopes.map((scope, index) => [scope, [`s${index + 1}`]]))
    expect(findCycle(implies)).toBeUndefined()
    expect(new ScopeHierarchy(implies).held(['s0']).has('s20000')).toBe(true)
  })
})

const token = { scopes: [], claims: {} } as unknown as VerifiedAccessToken

verifies(
  ['HDR-08', 'CASE-58'],
  'a body is judged by the operation that a parser finds in it, or refused',
  () => {
    const words = fc.constantFrom('tools/call', 'prompts/get', 'resources/read', 'ping', 'x')
    const members = fc.constantFrom('name', 'uri', 'Name', 'arguments', 'na\\u006de')
    const values = fc.constantFrom('"a"', '"b"', '1', 'null', '{}', '"file:///a"', '"\\u0061"')
    const body = fc
      .tuple(words, fc.array(fc.tuple(members, values), { maxLength: 3 }))
      .map(
        ([method, entries]) =>
          `{"jsonrpc":"2.0","id":1,"method":"${method}","params":{${entries
            .map(([name, value]) => `"${name}":${value}`)
            .join(',')}}}`,
      )
    fc.assert(
      fc.property(body, (text) => {
        const read = readMessages(Buffer.from(text))
        const parsed = JSON.parse(text)
        fc.pre('messages' in read)
        const [{ method, params } = { method: '', params: undefined }] = read.messages
        expect(method).toBe(parsed.method)
        const operations = operationsOf(method, params)
        fc.pre(!(operations instanceof UnclearOperation))
        const { name = parsed.params.uri } = parsed.params
        const wanted = method === 'resources/read' ? parsed.params.uri : name
        const isNamed = ['tools/call', 'prompts/get', 'resources/read'].includes(method)
        expect(operations).toEqual([expect.objectContaining({ method })])
        expect(operations[0]?.name).toBe(isNamed ? wanted : undefined)
      }),
    )
  },
)

test('a thousand rules decide like ten, and order never matters', () => {
  const names = fc.constantFrom('a', 'ab', 'b*', '*b', 'a*b', '*', 'c')
  const rules = fc.array(
    fc.record({
      tools: fc.array(names, { minLength: 1, maxLength: 3 }),
      scopes: fc.array(fc.constantFrom('r', 's', 't'), { maxLength: 2 }),
    }),
    { maxLength: 6 },
  )
  fc.assert(
    fc.property(rules, fc.constantFrom('a', 'ab', 'b', 'c', 'acb', 'd'), (list, name) => {
      const judge = (these: readonly object[]) => {
        const { policy, problems } = checkPolicy({ rules: these, unmatched: 'deny' })
        expect(problems).toEqual([])
        const verdict = new RulePolicy(policy).authorize(
          { method: 'tools/call', target: 'tool', name },
          token,
        )
        return { denial: verdict.denial, scopes: [...verdict.scopes].sort() }
      }
      const matching = list.filter(({ tools }) =>
        tools.some((pattern) => likePattern(pattern, false).test(name)),
      )
      const expected = {
        denial: matching.length === 0 ? 'no rule names it' : undefined,
        scopes: [...new Set(matching.flatMap(({ scopes }) => scopes))].sort(),
      }
      expect(judge(list)).toEqual(expected)
      expect(judge(list.map((_, index) => list[list.length - 1 - index] as object))).toEqual(
        expected,
      )
    }),
  )
})

describe('lists', () => {
  const entries = fc.array(
    fc.record({ name: fc.constantFrom('yes', 'no', 'é'), x: fc.jsonValue() }),
    { maxLength: 6 },
  )
  const lists = new ListFilter(({ name }) => name !== 'no', new ListMemory())
  const answers = fc.record({
    jsonrpc: fc.constant('2.0'),
    id: fc.integer(),
    result: fc.record(
      { tools: entries, prompts: entries, cacheScope: fc.constant('public'), z: fc.jsonValue() },
      { requiredKeys: [] },
    ),
  })
  type Answer = { result: Record<string, unknown> }
  function plainly(answer: object): Answer {
    const copy = JSON.parse(JSON.stringify(answer)) as Answer
    let isList = false
    for (const name of ['tools', 'prompts']) {
      const list = copy.result[name]
      if (!Array.isArray(list)) continue
      isList = true
      copy.result[name] = list.filter((entry: { name: string }) => entry.name !== 'no')
    }
    if (isList && 'cacheScope' in copy.result) copy.result['cacheScope'] = 'private'
    return copy
  }

  verifies('STA-07', 'are filtered as a parser would do it, in a message or a batch', () => {
    fc.assert(
      fc.property(fc.array(answers, { minLength: 1, maxLength: 3 }), fc.nat(3), (list, indent) => {
        const one = Buffer.from(JSON.stringify(list[0], null, indent))
        expect(JSON.parse(Buffer.concat(lists.filter(one)).toString())).toEqual(
          plainly(list[0] as object),
        )
        const all = Buffer.from(JSON.stringify(list, null, indent))
        expect(JSON.parse(Buffer.concat(lists.filter(all)).toString())).toEqual(list.map(plainly))
      }),
    )
  })

  verifies('STA-07', 'come out of a stream the same however it is cut', () => {
    const ends = fc.constantFrom('\n', '\r\n', '\r')
    fc.assert(
      fc.property(
        fc.array(fc.tuple(answers, fc.boolean()), { maxLength: 4 }),
        ends,
        fc.array(fc.nat(200), { maxLength: 10 }),
        (events, end, cuts) => {
          const text = events
            .map(([answer, isNamed]) => {
              const lines = JSON.stringify(answer, null, 1).split('\n')
              const data = lines.map((line) => `data: ${line}${end}`).join('')
              return `${isNamed ? `event: message${end}` : `: note${end}${end}`}${data}${end}`
            })
            .join('')
          const bytes = Buffer.from(text)
          const filter = new EventFilter(lists, 1 << 20)
          const out: Uint8Array[] = []
          let at = 0
          for (const cut of cuts) {
            out.push(...filter.push(bytes.subarray(at, at + cut)))
            at += cut
          }
          out.push(...filter.push(bytes.subarray(at)), ...filter.end())
          const received = Buffer.concat(out)
            .toString()
            .replace(/\r\n?/g, '\n')
            .split('\n\n')
            .map((event) =>
              event
                .split('\n')
                .filter((line) => line.startsWith('data: '))
                .map((line) => line.slice(6))
                .join('\n'),
            )
            .filter((data) => data !== '')
            .map((data) => JSON.parse(data) as unknown)
          expect(received).toEqual(events.map(([answer]) => plainly(answer)))
        },
      ),
    )
  })

  test('that were seen before are judged anew for each caller, and told apart by a byte', () => {
    const memory = new ListMemory()
    const answer = (names: readonly string[], id: number) =>
      Buffer.from(
        JSON.stringify({
          id,
          result: { tools: names.map((name) => ({ name, text: 'x'.repeat(200) })) },
        }),
      )
    const shown = (filter: ListFilter, names: readonly string[], id: number) => {
      const text = Buffer.concat(filter.filter(answer(names, id))).toString()
      const { result, id: echoed } = JSON.parse(text) as {
        id: number
        result: { tools: { name: string }[] }
      }
      expect(echoed).toBe(id)
      return result.tools.map(({ name }) => name)
    }
    const names = ['a', 'b', 'c', 'a', 'b', 'c', 'a']
    const onlyA = new ListFilter(({ name }) => name === 'a', memory)
    const onlyB = new ListFilter(({ name }) => name === 'b', memory)
    for (let id = 0; id < 30; id++) {
      expect(shown(onlyA, names, 10 ** (id % 5))).toEqual(['a', 'a', 'a'])
      expect(shown(onlyB, names, id)).toEqual(['b', 'b'])
      const changed = [...names.slice(0, -1), 'b']
      expect(shown(onlyB, changed, id)).toEqual(['b', 'b', 'b'])
      // Others push out what was remembered.
      expect(shown(onlyA, [...names, `n${id}`], id)).toEqual(['a', 'a', 'a'])
    }
  })

  test('of two kinds are two, though they are written alike', () => {
    const list = Array.from({ length: 20 }, (_, i) => ({ name: `n${i}`, text: 'x'.repeat(100) }))
    const bytes = Buffer.from(JSON.stringify({ result: { tools: list, prompts: list } }))
    const memory = new ListMemory()
    const [staff, guest] = [{}, {}]
    const seenBy = (caller: object, target: string) => {
      const filter = new ListFilter((operation) => operation.target === target, memory, caller)
      const { result } = JSON.parse(Buffer.concat(filter.filter(bytes)).toString()) as {
        result: Record<'tools' | 'prompts', readonly object[]>
      }
      return [result.tools.length, result.prompts.length]
    }
    for (let i = 0; i < 3; i++) {
      expect(seenBy(staff, 'tool')).toEqual([20, 0])
      expect(seenBy(guest, 'prompt')).toEqual([0, 20])
    }
  })

  test('that are too large or odd are refused', () => {
    const filter = new EventFilter(lists, 100)
    expect(() => filter.push(Buffer.from(`data: ${'x'.repeat(200)}`))).toThrow(UnfilterableAnswer)
    for (const text of ['data: x\n\n', 'data: {"result":1}\n\n', '\ufeffdata: x\n\n']) {
      expect(() => new EventFilter(lists, 100).push(Buffer.from(text))).toThrow(UnfilterableAnswer)
    }
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(errorOf(() => lists.filter(Buffer.from(text)))).toSatisfy(
          (error) => error === undefined || error instanceof UnfilterableAnswer,
        )
      }),
    )
  })
})
