/** The file of a policy: what is wrong with it has a line and a column, and nothing in it is read as something else. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkPolicy } from '../../src/policy/document.js'
import { parsePolicy } from '../../src/config/policy-file.js'
import { verifies } from '../support/verifies.js'
import { CANARY, inFile, OAUTH, OPEN, problemsOf, read } from './support.js'

const RIGHT = 'rules:\n  - tools: [a]\n    scopes: [b]\nunmatched: deny\n'

function briefly(content: string): readonly string[] {
  return parsePolicy('p.yaml', content).problems.map(({ path, message, hint }) => {
    expect(hint).not.toBe('')
    return `${path}: ${message}`
  })
}

function documentOf(content: string): unknown {
  expect(briefly(content)).toEqual([])
  return parsePolicy('p.yaml', content).document
}

describe('a file that is not a policy', () => {
  test.each([
    ['', 'p.yaml: is empty'],
    ['# nothing\n', 'p.yaml: is empty'],
    ['a policy', 'p.yaml:1:1: must be a policy'],
    ['- a', 'p.yaml:1:1: must be a policy'],
    ['rules: [', 'p.yaml:1:9: is not valid YAML (bad indent)'],
    [`${RIGHT}---\n${RIGHT}`, 'p.yaml:5:1: is not valid YAML (multiple docs)'],
    ['rules: !!js/function x', 'p.yaml:1:8: is not valid YAML (tag resolve failed)'],
    [`${RIGHT}#${'x'.repeat(4 * 2 ** 20)}`, 'p.yaml: has more than 4 MiB'],
  ])('%.30j', (content, problem) => {
    expect(briefly(content)[0]).toBe(problem)
  })

  test('nesting without end is no crash', () => {
    expect(briefly('['.repeat(100_000))).not.toEqual([])
    expect(briefly(`rules: ${'['.repeat(60)}${']'.repeat(60)}\nunmatched: deny`)).toEqual([
      'p.yaml: has too many values, or is nested too deeply',
    ])
  })

  test('nothing of what could be a secret is shown', () => {
    expect(JSON.stringify(parsePolicy('p.yaml', `x: [${CANARY}`).problems)).not.toContain('canary')
  })

  test('a name of a file cannot write lines of its own', () => {
    const [problem] = parsePolicy('a\nb\u001b[2J.yaml', 'x').problems
    expect(problem?.path).toBe('a?b?[2J.yaml:1:1')
  })
})

test('each problem has its line and its column, all of them at once', () => {
  const content = `implies:
  a: [b]
  b: [a]
  "x y": [c]
rules:
  - {}
  - tools: []
    scopes: a
  - resources: ["file:///a", "file:///a/../b"]
    scopes: [a, 'b"c']
    clams: { a: b }
  - scopes: [a]
    methods: [~]
unmatched: denny
lists: 7
`
  expect(briefly(content)).toEqual([
    'p.yaml:4:3: implies.x y: is not a scope',
    'p.yaml:2:3: implies.a: is a cycle: a, b, a',
    'p.yaml:6:5: rules[0]: names nothing',
    'p.yaml:6:5: rules[0]: does not say what it requires',
    'p.yaml:7:5: rules[1].tools: must be a string or a list of strings, and not empty',
    'p.yaml:11:5: rules[2].clams: no such name',
    'p.yaml:9:30: rules[2].resources[1]: "file:///a/../b" is not a URI, or has dot segments, blanks around it or needlessly encoded characters',
    'p.yaml:10:5: rules[2].scopes: must be scopes',
    'p.yaml:13:15: rules[3].methods[0]: must be a string, and not empty',
    'p.yaml:14:1: unmatched: must be deny or base',
    'p.yaml:15:1: lists: must be filter or full',
  ])
  expect(briefly('rules: []\n')).toEqual(['p.yaml:1:1: does not say what holds for the rest'])
  // JSON has lines, too.
  expect(briefly('{\n  "rules": [\n    7\n  ],\n  "unmatched": "deny"\n}')).toEqual([
    'p.yaml:3:5: rules[0]: must be a rule',
  ])
})

describe('YAML has traps', () => {
  test('names that look like something else stay as they were written', () => {
    const list = '[on, No, 1.10, 010, 0x1F, 1e3, true, 1:30, .inf, 2026-11-25, "null"]'
    const expected = [
      ...['on', 'No', '1.10', '010', '0x1F', '1e3', 'true'],
      ...['1:30', '.inf', '2026-11-25', 'null'],
    ]
    for (const version of ['', '%YAML 1.1\n---\n']) {
      const content = `${version}rules:\n  - tools: ${list}\n    scopes: [a]\nunmatched: deny\n`
      expect(documentOf(content)).toMatchObject({ rules: [{ tools: expected }] })
    }
  })

  test.each(['~', 'null', '', '{}', '[a]'])('%j is no name', (text) => {
    expect(
      briefly(`rules:\n  - tools:\n    - ${text}\n    scopes: [a]\nunmatched: deny`)[0],
    ).toMatch(/^p\.yaml:\d:\d+: rules\[0\]\.tools\[0\]: must be a string/)
  })

  test.each([
    ['rules: []\nrules: [{ tools: [a], scopes: [b] }]\nunmatched: deny', 'p.yaml:2:1: rules'],
    ['rules: [{ tools: [a], scopes: [b], "scopes": [] }]\nunmatched: deny', 'p.yaml:1:36: scopes'],
    ['rules: []\nunmatched: deny\nimplies: { 1: [a], "1": [b] }', 'p.yaml:3:20: 1'],
    ['{"rules": [], "unmatched": "deny", "unmatched": "base"}', 'p.yaml:1:36: unmatched'],
  ])('a name that is written twice: %j', (content, place) => {
    expect(briefly(content)).toEqual([`${place}: is written twice`])
  })

  test.each(['? [a]\n  : b', '? {}\n  : b', ': b', '? ~\n  : b'])('%j has no name', (entry) => {
    const content = `implies:\n  ${entry}\nrules: []\nunmatched: deny`
    expect(briefly(content)).toEqual([
      expect.stringMatching(/^p\.yaml:2:\d+: is a name that is not a string$/),
    ])
  })

  test('an object’s own names are names like others', () => {
    const json = `{"rules": [{"tools": "a", "scopes": "b", "__proto__": {"scopes": []}}],
      "unmatched": "deny", "__proto__": {"lists": "full"}, "constructor": 1}`
    expect(briefly(json)).toEqual([
      'p.yaml:2:28: __proto__: no such name',
      'p.yaml:2:60: constructor: no such name',
      'p.yaml:1:42: rules[0].__proto__: no such name',
    ])
    expect(
      briefly('implies: { __proto__: [a], a: [__proto__] }\nrules: []\nunmatched: deny'),
    ).toEqual(['p.yaml:1:12: implies.__proto__: is a cycle: __proto__, a, __proto__'])
  })

  test('what an anchor stands for is there, and merging is not', () => {
    const content = `rules:
  - &one { tools: [a], scopes: &read [mcp:read] }
  - { prompts: [b], scopes: *read }
unmatched: deny
`
    expect(documentOf(content)).toEqual({
      rules: [
        { tools: ['a'], scopes: ['mcp:read'] },
        { prompts: ['b'], scopes: ['mcp:read'] },
      ],
      unmatched: 'deny',
    })
    expect(briefly(content.replace('{ prompts', '{ <<: *one, prompts'))[0]).toBe(
      'p.yaml:3:7: rules[1].<<: no such name',
    )
    expect(briefly(content.replace('*read', '*raed'))).toEqual([
      'p.yaml:3:21: rules[1].scopes: must be scopes',
    ])
  })

  test('aliases of aliases and aliases of themselves come to an end', () => {
    const levels = Array.from({ length: 9 }, (_, index) => {
      const before = index === 0 ? 'x' : `*a${index - 1}`
      return `a${index}: &a${index} [${Array(9).fill(before).join(', ')}]`
    })
    const bomb = [...levels, 'rules: *a8', 'unmatched: deny'].join('\n')
    for (const content of [bomb, 'rules: &a [*a]\nunmatched: deny']) {
      expect(briefly(content)).toEqual(['p.yaml: has too many values, or is nested too deeply'])
    }
  })
})

describe('a rule that cannot mean what it says', () => {
  const ruleOf = (rule: object) =>
    briefly(JSON.stringify({ rules: [{ scopes: ['a'], ...rule }], unmatched: 'deny' }))

  verifies('ATK-14', 'for names that look like others', () => {
    for (const name of [
      'delete_file ',
      ' delete_file',
      'delete_file\u00a0',
      'delete_file\n',
      'delete_file\r\n',
      'delete\u200b_file',
      'delete_file\u200d',
      '\ufeffdelete_file',
      'delete\u00adfile',
      '\u202edelete_file',
      'delete_file\u2028',
      'delete\u0000',
      'delete\u001b[31m',
      'delete\u0085',
      'x'.repeat(1_025),
    ]) {
      for (const subject of ['tools', 'prompts', 'methods']) {
        const [problem, ...more] = ruleOf({ [subject]: ['fine', name] })
        expect({ name, more }).toEqual({ name, more: [] })
        // After `{"rules":[{"scopes":["a"],"tools":["fine",`.
        const column = `{"rules":[{"scopes":["a"],"${subject}":["fine",`.length + 1
        expect(problem).toContain(`p.yaml:1:${column}: rules[0].${subject}[1]: `)
      }
    }
    for (const name of [
      'delete file',
      'löschen',
      '删除',
      '👍',
      '❤\ufe0f',
      'a\u0301',
      'x'.repeat(1_024),
    ]) {
      expect(ruleOf({ tools: [name] })).toEqual([])
    }
  })

  verifies('ATK-14', 'for patterns of another kind, and several names in one text', () => {
    const foreign = ['!read_*', '^read_.*$', 'read_[ab]*', '{read,list}_*', '.*', 'read_?*', 'a*|b']
    for (const name of foreign) {
      for (const names of [name, ['fine', name]]) {
        for (const subject of ['tools', 'prompts', 'methods']) {
          expect(ruleOf({ [subject]: names })).toEqual([
            expect.stringContaining('looks like a pattern of another kind'),
          ])
        }
      }
    }
    for (const name of ['delete_?', '{a}', '[a]', '/a/', '!a', 'a|b', 'a$']) {
      const [problem] = ruleOf({ tools: name })
      expect(problem).toContain('looks like a pattern of another kind')
      // In a list it is a name that has this.
      expect(ruleOf({ tools: [name], prompts: [name] })).toEqual([])
      expect(ruleOf({ methods: [name] })).toHaveLength(1)
    }
    for (const names of ['delete_file, drop', 'delete_*,drop', 'a;b']) {
      for (const subject of ['tools', 'prompts', 'methods']) {
        const [problem] = ruleOf({ [subject]: names })
        expect(problem).toContain('looks like several names')
      }
      expect(ruleOf({ tools: [names] })).toEqual([])
    }
    for (const names of [
      'delete_file',
      'delete_*',
      '*',
      'a.b/c-d:e',
      'github.*',
      'read a file',
      '$a',
      'a@b',
      ['Read a file', 'a * b'],
    ]) {
      expect(ruleOf({ tools: names })).toEqual([])
    }
    expect(ruleOf({ methods: ['ping', 'vendor/$x.y:*'] })).toEqual([])
    const [problem] = ruleOf({ methods: 'tools/list tools/call' })
    expect(problem).toContain('looks like several names')
  })

  verifies('ATK-14', 'for scopes that are an empty text', () => {
    for (const scopes of ['', ' ']) {
      expect(ruleOf({ tools: ['a'], scopes })).toEqual([
        expect.stringContaining('rules[0].scopes: names no scope'),
      ])
    }
    for (const scopes of [[], ['a'], 'a', 'a b']) {
      expect(ruleOf({ tools: ['a'], scopes })).toEqual([])
    }
  })

  verifies('ATK-14', 'for a method that is about all of what the rule names', () => {
    const place = 'p.yaml:3:5: rules[0].methods: '
    const yaml = (names: string, methods: string) =>
      briefly(`rules:\n  - ${names}\n    methods: [${methods}]\n    scopes: [a]\nunmatched: deny\n`)
    for (const [names, methods, said] of [
      ['tools: [search]', 'tools/call', '"tools/call" applies to all tools'],
      ['tools: [search]', 'ping, "*"', '"*" applies to all tools'],
      ['tools: [search]', '"tools/*"', '"tools/*" applies to all tools'],
      ['prompts: [a]', 'prompts/get', '"prompts/get" applies to all prompts'],
      ['prompts: [a]', 'completion/complete', '"completion/complete" applies to all prompts'],
      ['resources: ["x:a"]', 'resources/read', '"resources/read" applies to all resources'],
      ['resources: ["x:a"]', '"resources/*"', '"resources/*" applies to all resources'],
      ['resources: ["x:a"]', 'subscriptions/listen', '"subscriptions/listen" applies to all'],
    ] as const) {
      const [problem, ...more] = yaml(names, methods)
      expect(problem).toContain(place + said)
      expect(more).toEqual([])
    }
    for (const [names, methods] of [
      ['tools: [search]', 'prompts/get, logging/setLevel, tools/list'],
      ['prompts: [a]', 'tools/call'],
      ['resources: ["x:a"]', 'resources/list'],
    ] as const) {
      expect(yaml(names, methods)).toEqual([])
    }
  })

  verifies(['ATK-10', 'ATK-14'], 'for URIs that no request can have', () => {
    expect(ruleOf({ resources: ['file:///a', 'file:///a#b'] })).toEqual([
      'p.yaml:1:52: rules[0].resources[1]: "file:///a#b" has a fragment: URIs with a fragment are refused',
    ])
    expect(ruleOf({ resources: ['https://b*@h/'] })).toEqual([
      'p.yaml:1:40: rules[0].resources[0]: "https://b*@h/" has a user that no URI can have: write a user without a star',
    ])
    expect(ruleOf({ resources: 'notes://**-*.md' })).toEqual([
      'p.yaml:1:27: rules[0].resources: "notes://**-*.md" has two stars in its authority; one star there matches any text',
    ])
  })
})

describe('what is written is what is read', () => {
  const text = fc
    .oneof(fc.string({ minLength: 1 }), fc.string({ minLength: 1, unit: 'binary' }))
    .filter(
      (name) =>
        checkPolicy({ rules: [{ tools: [name], scopes: [] }], unmatched: 'deny' }).problems
          .length === 0,
    )

  test('every name in JSON', () => {
    fc.assert(
      fc.property(fc.uniqueArray(text, { minLength: 1 }), (names) => {
        const document = { rules: [{ tools: names, scopes: ['a'] }], unmatched: 'deny' }
        expect(documentOf(JSON.stringify(document))).toEqual(document)
      }),
    )
  })

  test('no text makes it throw, and each problem is one line', () => {
    const piece = fc.constantFrom(
      ...[
        'rules:',
        '\n',
        '  ',
        '- ',
        'tools',
        ': ',
        '[',
        ']',
        '{',
        '}',
        '&a',
        '*a',
        '!!',
        '"',
        "'",
      ],
      ...[
        '#',
        '|',
        '>',
        '?',
        '%',
        '---',
        '~',
        'unmatched: deny',
        '\t',
        '\0',
        '\u2028',
        'é',
        '__proto__',
      ],
    )
    const content = fc.array(fc.oneof(piece, text), { maxLength: 30 }).map((all) => all.join(''))
    fc.assert(
      fc.property(content, (written) => {
        for (const { path, message } of parsePolicy('p.yaml', written).problems) {
          expect(`${path}: ${message}`).toMatch(/^p\.yaml[ -~]*$/)
        }
      }),
    )
  })
})

describe('the setting', () => {
  const policyIn = (content: string) => ({ files: { '/p.yaml': content } })

  test('needs tokens', async () => {
    const flag = ['--oauth-policy', '/p.yaml']
    const needs = '--oauth-policy: needs --auth oauth'
    expect(await problemsOf([...OPEN, ...flag], policyIn(RIGHT))).toEqual([needs])
    expect(await problemsOf([...OPEN, '--auth', 'none', ...flag], policyIn(RIGHT))).toEqual([needs])
    const stdio = ['--transport', 'stdio', ...flag, '--', 'server']
    expect(await problemsOf(stdio, policyIn(RIGHT))).toEqual([needs])
    const listed = `resources: [{ resource: "http://localhost/a", upstream: "http://127.0.0.1:1/", oauth: { policy: p.yaml } }]`
    expect(await problemsOf([], inFile(listed))).toEqual([
      'gatehouse.yaml:1:89: resources[0].oauth.policy: needs --auth oauth',
    ])
    expect((await read([...OPEN, ...flag], policyIn(RIGHT))).warnings).toEqual([])
  })

  test('is checked with all other settings', async () => {
    const argv = [...OAUTH, '--oauth-policy', '/p.yaml', '--port', 'x']
    expect(await problemsOf(argv, policyIn(RIGHT.replace('deny', 'no')))).toEqual([
      '--port: is not a port',
      '/p.yaml:4:1: unmatched: must be deny or base',
    ])
    expect(await problemsOf(argv)).toEqual([
      '--port: is not a port',
      '--oauth-policy: /p.yaml cannot be read (ENOENT)',
    ])
  })

  test('at the top is that of every resource without one of its own, and wrong once', async () => {
    const file = (own: string) => `auth: oauth
host: 0.0.0.0
oauth: { issuer: "https://sso.example.com", policy: all.yaml }
resources:
  - { resource: "https://mcp.example.com/a", upstream: "https://a.example.com" }
  - { resource: "https://mcp.example.com/b", upstream: "https://b.example.com" }
  - { resource: "https://mcp.example.com/c", upstream: "https://c.example.com", oauth: { policy: ${own} } }
`
    const at = (name: string) => `${process.cwd()}/${name}`
    const wrong = { [at('all.yaml')]: 'x: 1' }
    expect(await problemsOf([], inFile(file('all.yaml'), wrong))).toEqual([
      `${at('all.yaml')}:1:1: x: no such name`,
      `${at('all.yaml')}:1:1: rules: must be a list of rules`,
      `${at('all.yaml')}:1:1: does not say what holds for the rest`,
    ])
    const files = { [at('all.yaml')]: RIGHT, [at('c.yaml')]: RIGHT.replace('deny', 'base') }
    const configuration = await read([], inFile(file('c.yaml'), files))
    expect(configuration.problems).toEqual([])
    expect(configuration.files.resources.map(({ policy }) => policy?.unmatched)).toEqual([
      'deny',
      'deny',
      'base',
    ])
  })
})

describe('limits', () => {
  const inRule = (limit: string) =>
    `rules:\n  - tools: [a]\n    scopes: []\n    limit: ${limit}\nunmatched: deny\n`

  test.each([
    ['{ rate: 20/min }', []],
    ['[{ rate: 20/min, burst: 5 }, { rate: 9/d, per: client }]', []],
    ['20/min', ['p.yaml:4:5: rules[0].limit: must be a limit']],
    ['[]', ['p.yaml:4:5: rules[0].limit: must not be empty']],
    ['{ rate: 20/m }', ['p.yaml:4:14: rules[0].limit.rate: must be a number of uses in a time']],
    ['{ burst: 5 }', ['p.yaml:4:5: rules[0].limit.rate: must be a number of uses in a time']],
    [
      '{ rate: 1/s, burst: 0 }',
      ['p.yaml:4:25: rules[0].limit.burst: must be a whole number of at least 1'],
    ],
    [
      '[{ rate: 1/s, per: user }]',
      ['p.yaml:4:26: rules[0].limit[0].per: must be subject, client, tool or key'],
    ],
    ['{ rate: 1/s, each: a }', ['p.yaml:4:25: rules[0].limit.each: no such name']],
  ] as const)('%s', (limit, problems) => {
    expect(briefly(inRule(limit))).toEqual(problems)
  })

  test('the start says that each process counts for itself', async () => {
    const argv = [...OAUTH, '--oauth-policy', '/etc/policy.yaml']
    const warningsWith = async (policy: string) =>
      (await read(argv, { files: { '/etc/policy.yaml': policy } })).warnings
    const warning = 'each process counts the limits of the policy for itself'
    expect(await warningsWith(inRule('{ rate: 1/s }'))).toContain(warning)
    expect(await warningsWith(RIGHT)).not.toContain(warning)
  })
})

describe('names for groups', () => {
  const withGroups = (groups: string, claims: string) =>
    `groups: ${groups}\nrules:\n  - tools: [a]\n    claims: ${claims}\nunmatched: deny\n`
  const claimsIn = (content: string) =>
    parsePolicy('p.yaml', content).policy.rules.map(({ claims }) => claims)

  verifies('IDN-33', 'stand for ids, in claims of groups alone', () => {
    const claims = '{ groups: [admins, b], "x.groups": b, roles: [admins] }'
    const content = withGroups('{ admins: 3f1c, b: [4a, 5b] }', claims)
    expect(briefly(content)).toEqual([])
    expect(claimsIn(content)).toEqual([
      [
        { claim: 'groups', values: ['3f1c', '4a', '5b'] },
        { claim: 'x.groups', values: ['4a', '5b'] },
        { claim: 'roles', values: ['admins'] },
      ],
    ])
  })

  verifies('IDN-33', 'an unknown one has a line and a column', () => {
    expect(briefly(withGroups('{ admins: 3f1c }', '{ groups: [admins, admin] }'))).toEqual([
      'p.yaml:4:32: rules[0].claims.groups[1]: "admin" is not a name in groups',
    ])
    for (const name of ['3f1c', '__proto__', 'constructor', 'Admins']) {
      expect(briefly(withGroups('{ admins: 3f1c }', `{ groups: ${name} }`))).toEqual([
        `p.yaml:4:15: rules[0].claims.groups: "${name}" is not a name in groups`,
      ])
    }
  })

  test('without names, values are what tokens hold', () => {
    const content = 'rules:\n  - tools: [a]\n    claims: { groups: [x] }\nunmatched: deny\n'
    expect(briefly(content)).toEqual([])
    expect(claimsIn(content)).toEqual([[{ claim: 'groups', values: ['x'] }]])
  })

  test.each([
    ['{}', 'p.yaml:1:1: groups: must be names with the ids of groups'],
    ['admins', 'p.yaml:1:1: groups: must be names with the ids of groups'],
    ['{ admins: [] }', 'must be a string or a list of strings, and not empty'],
    ['{ admins: { a: b } }', 'must be a string or a list of strings, and not empty'],
    ['{ admins: [""] }', 'must be a string, and not empty'],
  ])('%s is a problem', (groups, problem) => {
    expect(briefly(withGroups(groups, '{ roles: [x] }')).join()).toContain(problem)
  })
})
