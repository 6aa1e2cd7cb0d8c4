/** `policy init` and `policy table`: what they write, whatever a server says of itself. */
import { verifies } from '../support/verifies.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Inventory, Offer } from '../../src/cli/policy/inventory.js'
import { inOneLine, scalarOf } from '../../src/cli/policy/shown.js'
import { writeStarter } from '../../src/cli/policy/starter.js'
import { writeTable } from '../../src/cli/policy/table.js'
import type { PolicyDocument } from '../../src/policy/document.js'
import { nameFault } from '../../src/policy/document.js'
import { canonicalUri } from '../../src/mcp/resource-uri.js'
import { parsePolicy, type PolicyFile } from '../../src/config/policy-file.js'

function offer(name: string, about: Partial<Offer> = {}): Offer {
  return {
    name,
    title: undefined,
    description: undefined,
    isReadOnly: false,
    isDestructive: false,
    ...about,
  }
}

function inventory(parts: Partial<Inventory>): Inventory {
  return {
    server: 'files 1.0',
    tools: [],
    prompts: [],
    resources: [],
    templates: [],
    nameless: 0,
    ...parts,
  }
}

function parse(text: string): PolicyFile {
  const file = parsePolicy('p.yaml', text)
  expect(file.problems).toEqual([])
  return file
}

function namesIn({ rules }: PolicyDocument): Record<string, readonly string[]> {
  const of = (subject: 'tools' | 'prompts' | 'resources') =>
    rules.flatMap((rule) => rule[subject] ?? [])
  return { tools: of('tools'), prompts: of('prompts'), resources: of('resources') }
}

interface TableRow {
  readonly kind: string
  readonly name: string
  readonly scopes: readonly string[]
}

function tableOf(file: PolicyFile, has: Inventory) {
  return JSON.parse(writeTable(file, has, true)) as {
    readonly operations: readonly TableRow[]
    readonly uncovered: readonly TableRow[]
  }
}

const SAMPLE = inventory({
  tools: [
    offer('read_file', { isReadOnly: true, title: 'Read', description: 'Reads a file' }),
    offer('write_file', { description: 'Writes' }),
    offer('delete_file', { isDestructive: true }),
    offer('wipe', { isReadOnly: true, isDestructive: true }),
  ],
  prompts: [offer('greet')],
  resources: [offer('file:///srv/a.md', { title: 'A' })],
  templates: [offer('file:///srv/{name}'), offer('file:///all/{+path}')],
})

describe('the starter', () => {
  test('asks for the most of every tool, and denies what it does not name', () => {
    const { document } = parse(writeStarter(SAMPLE))
    expect(document).toEqual({
      implies: { 'mcp:write': ['mcp:read'] },
      rules: [
        { tools: ['read_file', 'write_file', 'delete_file', 'wipe'], scopes: ['mcp:write'] },
        { prompts: ['greet'], scopes: ['mcp:read'] },
        { resources: ['file:///srv/a.md'], scopes: ['mcp:read'] },
        { resources: ['file:///srv/*', 'file:///all/**'], scopes: ['mcp:read'] },
      ],
      unmatched: 'deny',
      lists: 'filter',
    })
  })

  verifies(
    'TRN-10',
    'takes a hint for a suggestion alone: only the comment says so, and it can be taken in',
    () => {
      const text = writeStarter(SAMPLE)
      expect(text).toContain('- read_file # readOnlyHint; Read: Reads a file\n')
      expect(text).toContain('- delete_file # destructiveHint\n')
      expect(text).toContain('- wipe # hints contradict each other\n')
      const [block = ''] = /^ {2}# - tools:\n(?: {2}# {3,}.*\n)+/m.exec(text) ?? []
      expect(block).toBe(`  # - tools:
  #     - read_file # Read: Reads a file
  #   scopes: [mcp:read]
`)
      const { document } = parse(text.replace(block, block.replaceAll(/^ {2}# /gm, '  ')))
      expect(document.rules[1]).toMatchObject({ scopes: ['mcp:read'] })
      // It still asks for more if nobody takes it out above.
      expect(document.rules[0]?.tools).toContain('read_file')
    },
  )

  test('of a server with nothing', () => {
    expect(parse(writeStarter(inventory({}))).document.rules).toEqual([])
  })

  test('leaves out what a rule could not name alone, and says so', () => {
    const text = writeStarter(
      inventory({
        tools: [offer('a*b'), offer(''), offer('fine')],
        resources: [offer('file:///a/../b'), offer('no uri'), offer('file:///a/*')],
        templates: [
          offer('{+uri}'),
          offer('file:///a*/{b}'),
          offer('x:/{a}{b}{/c*}'),
          offer('x://h?a=1{&b}'),
          offer('x://h?a={b}&c={d}'),
        ],
      }),
    )
    const { document } = parse(text)
    expect(namesIn(document)).toEqual({
      tools: ['fine'],
      prompts: [],
      resources: ['x:/**', 'x://h?a=*&c=*'],
    })
    const leftOut = [...text.matchAll(/^ {2}# left out: (.*?): /gm)].map(([, name]) => name)
    expect(leftOut).toEqual([
      ...['"a*b"', '""', '"file:///a/../b"', '"no uri"', '"file:///a/*"'],
      ...['"{+uri}"', '"file:///a*/{b}"', '"x://h?a=1{&b}"'],
    ])
  })

  test.each([
    ['a line', 'x\nunmatched: base\n'],
    ['a line of another kind', 'x\r  - tools: ["*"]\u2028\u0085\u2029  - tools: ["*"]'],
    ['what hides', '\u202e\u2066\u200b\ufeff\u{e0041}\u001b[31m\u0007'],
    ['what is long', 'x'.repeat(100_000)],
    ['half a pair', '\ud800 \udfff'],
  ])('%s in a text of the server stays in its comment', (_, evil) => {
    const about = { title: evil, description: evil, isReadOnly: true }
    const text = writeStarter(
      inventory({
        server: inOneLine(evil),
        tools: [offer('tool', about)],
        prompts: [offer('prompt', about)],
        resources: [offer('file:///r', about)],
        templates: [offer('file:///t/{x}', about)],
      }),
    )
    expect(namesIn(parse(text).document)).toEqual({
      tools: ['tool'],
      prompts: ['prompt'],
      resources: ['file:///r', 'file:///t/*'],
    })
    for (const line of text.split('\n')) {
      expect(line).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
      expect(line.length).toBeLessThan(200)
    }
  })

  const isNameable = (name: string) => name !== '' && nameFault(name) === undefined

  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      ' a',
      'a ',
      'a\u200b',
      'a\nb',
      '\u202ea',
      'a\u00a0',
      'x'.repeat(1_025),
      'a b',
      '👩‍👧',
    ),
    fc.string(),
    fc.constantFrom('null', 'true', 'on', '~', '1.10', '- a', '# a', 'a # b', '*a', '&a', '"', "'"),
  )
  const about = fc.record({
    name: text,
    title: fc.option(text, { nil: undefined }),
    description: fc.option(text, { nil: undefined }),
    isReadOnly: fc.boolean(),
    isDestructive: fc.boolean(),
  })
  const named = (prefix: string) => about.map((each) => ({ ...each, name: prefix + each.name }))
  const anything = fc.record({
    server: text.map((each) => inOneLine(each)),
    tools: fc.array(about),
    prompts: fc.array(about),
    resources: fc.array(fc.oneof(named('file:///'), named('https://'), named('x:'))),
    templates: fc.array(
      fc.oneof(
        named('file:///{x}'),
        named('https://{+h}/'),
        named('x://{h}:{p}/{+y}{?a,b}{&c}{#d}'),
      ),
    ),
    nameless: fc.constant(0),
  })

  verifies('ATK-14', 'of any server: it is right, and names exactly what can be named', () => {
    fc.assert(
      fc.property(anything, (has) => {
        const file = parse(writeStarter(has))
        expect(file.document.unmatched).toBe('deny')
        const wanted = (offers: readonly Offer[], isNamed: (name: string) => boolean) =>
          [...new Set(offers.map(({ name }) => name))].filter(
            (name) => isNamed(name) && !name.includes('*'),
          )
        const { tools, prompts, resources } = namesIn(file.document)
        expect(tools).toEqual(wanted(has.tools, isNameable))
        expect(prompts).toEqual(wanted(has.prompts, isNameable))
        const uris = wanted(has.resources, (name) => canonicalUri(name) !== undefined)
        expect(resources?.slice(0, uris.length)).toEqual(uris)
      }),
      { numRuns: 300 },
    )
  })

  test('what it names, the table says is named', () => {
    fc.assert(
      fc.property(anything, (has) => {
        const file = parse(writeStarter(has))
        const { operations, uncovered } = tableOf(file, has)
        const missing = uncovered.map(({ name }) => name)
        const named = operations.filter(({ kind, name }) => {
          const isNamed = kind === 'resource' ? canonicalUri(name) !== undefined : isNameable(name)
          return kind !== 'template' && isNamed && !name.includes('*') && !missing.includes(name)
        })
        for (const { kind, scopes } of named) {
          expect(scopes).toEqual([kind === 'tool' ? 'mcp:write' : 'mcp:read'])
        }
        const tools = uncovered.filter(({ kind }) => kind === 'tool')
        expect(tools.filter(({ name }) => isNameable(name) && !name.includes('*'))).toEqual([])
      }),
    )
  })
})

describe('the table', () => {
  const POLICY = `rules:
  - tools: [read_file, "*_file"]
    scopes: [mcp:read]
  - tools: [delete_file]
    scopes: [mcp:write]
    claims: { groups: [ops, admins] }
  - prompts: [greet]
    scopes: []
  - resources: ["file:///srv/*"]
    scopes: [mcp:read]
`

  test('has everything, and what no rule names at its end', () => {
    expect(writeTable(parse(`${POLICY}unmatched: deny\n`), SAMPLE, false)).toBe(
      `tool      read_file              mcp:read                                            p.yaml:2:5
tool      write_file             mcp:read                                            p.yaml:2:5
tool      delete_file            mcp:read mcp:write, claim groups has ops or admins  p.yaml:2:5 p.yaml:4:5
tool      wipe                   denied: no rule names it
prompt    greet                  the base scopes                                     p.yaml:7:5
resource  "file:///srv/a.md"     mcp:read                                            p.yaml:9:5
template  "file:///srv/{name}"   mcp:read                                            p.yaml:9:5
template  "file:///all/{+path}"  denied: no rule names it

No rule names 2 of the 8; unmatched is deny:
  tool wipe
  template "file:///all/{+path}"
`,
    )
  })

  test('says of base that it is open', () => {
    const { operations, uncovered } = tableOf(parse(`${POLICY}unmatched: base\n`), SAMPLE)
    expect(operations[3]).toEqual({ kind: 'tool', name: 'wipe', scopes: [], claims: [], rules: [] })
    expect(uncovered).toHaveLength(2)
    expect(writeTable(parse('rules: []\nunmatched: base'), SAMPLE, false)).toMatch(
      /^tool +wipe +the base scopes$/m,
    )
  })

  test('of nothing, and of all', () => {
    const file = parse(`${POLICY}unmatched: deny\n`)
    expect(writeTable(file, inventory({}), false)).toBe('A rule names each of the 0.\n')
    const all = inventory({ prompts: [offer('greet')] })
    expect(writeTable(file, all, false)).toContain('A rule names each of the 1.\n')
  })

  test('a name cannot write lines or codes of its own', () => {
    const evil = offer('a\ntool x mcp:read\u001b[2J\u202e')
    const bad = inventory({ tools: [evil], resources: [offer('file:///\u001b[2J')] })
    const shown = writeTable(parse('rules: []\nunmatched: deny'), bad, false)
    expect(shown).not.toMatch(/^tool x/m)
    expect(shown).not.toMatch(/[\p{Cf}]|[^\P{Cc}\n]/u)
    expect(writeTable(parse('rules: []\nunmatched: deny'), bad, true)).not.toMatch(
      /[\p{Cf}]|[^\P{Cc}\n]/u,
    )
    expect(shown).toContain('refused: not a URI, or dot segments in it')
  })
})

test('a name in quotes is read as the same name, and can be seen', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (name) => {
      expect(scalarOf(name)).toMatch(/^[^\p{C}\p{Zl}\p{Zp}\n]+$/u)
      const quoted = scalarOf(name).startsWith('"') ? JSON.parse(scalarOf(name)) : scalarOf(name)
      expect(quoted).toBe(name)
    }),
  )
})
