/** The config file: what it may look like, and where exactly it is wrong. */
import { describe, expect, test } from 'vitest'
import { verifies } from '../support/verifies.js'
import { inFile, ISSUER, OPEN, problemsOf, read, settingsOf, UPSTREAM } from './support.js'

test('YAML and JSON say the same', async () => {
  const yaml = `
# A comment
auth: oauth
upstream: ${UPSTREAM}
oauth:
  issuer: ${ISSUER}      # one text, or a list
  scopes: [mcp:read, "mcp:write mcp:admin"]
  requireType: true
  wait: 5
allowHost:
  - mcp.internal
`
  const json = JSON.stringify(
    {
      auth: 'oauth',
      upstream: UPSTREAM,
      oauth: {
        issuer: [ISSUER],
        scopes: 'mcp:read mcp:write mcp:admin',
        requireType: true,
        wait: '5s',
      },
      allowHost: 'mcp.internal',
    },
    undefined,
    '\t',
  )
  const settings = await settingsOf([], inFile(yaml))
  expect(settings).toMatchObject({
    auth: 'oauth',
    upstream: UPSTREAM,
    oauth: {
      issuer: [ISSUER],
      scopes: ['mcp:read', 'mcp:write', 'mcp:admin'],
      requireType: true,
      wait: 5,
    },
    allowHost: ['mcp.internal'],
  })
  expect(await settingsOf([], inFile(json))).toEqual(settings)
})

test('anchors, byte order mark, empty file', async () => {
  const yaml = `\ufeffhost: &here localhost\nallowHost: [*here, *here]\n`
  expect(await settingsOf(OPEN, inFile(yaml))).toMatchObject({
    host: 'localhost',
    allowHost: ['localhost', 'localhost'],
  })
  for (const content of ['', '# nothing\n---\n']) {
    const { config: _, ...settings } = await settingsOf(OPEN, inFile(content))
    expect(settings).toEqual(await settingsOf(OPEN))
  }
})

verifies(
  'ATK-07',
  'more than 100 aliases are a problem; each costs a walk through the file',
  async () => {
    const withAliases = (count: number) =>
      inFile(`host: &here localhost\nallowHost:\n${'  - *here\n'.repeat(count)}`)
    expect(await problemsOf(OPEN, withAliases(100))).toEqual([])
    const problems = await problemsOf(OPEN, withAliases(101))
    expect(JSON.stringify(problems)).toContain('has more than 100 aliases')
    expect(JSON.stringify(await problemsOf(OPEN, withAliases(10_000)))).toContain('100 aliases')
  },
)

test('a JSON file may name its schema, at the top and nowhere else', async () => {
  const schema = '"$schema": "./gatehouse.schema.json"'
  expect(await settingsOf(OPEN, inFile(`{${schema}, "port": 1}`))).toMatchObject({ port: 1 })
  const [problem] = await problemsOf(OPEN, inFile(`{"oauth": {${schema}}}`))
  expect(problem).toContain('oauth.$schema: no such setting')
})

describe('line and column', () => {
  test.each([
    ['an unknown name', 'auth: none\nprot: 80\n', '2:1: prot: no such setting'],
    ['one in a group', 'oauth:\n  isuer: x\n', '2:3: oauth.isuer: no such setting'],
    [
      'one of an issuer, at a resource',
      'resources:\n  - resource: https://a.example/mcp\n    oauth: {published: false}\n',
      '3:13: resources[0].oauth.published: no such setting',
    ],
    ['a name of its group at the top', 'issuer: x\n', '1:1: issuer: no such setting'],
    ['a name with its group', 'oauth.wait: 3s\n', '1:1: oauth.wait: no such setting'],
    ['a flag', '--port: 80\n', '1:1: --port: no such setting'],
    ['another file', 'config: other.yaml\n', '1:1: config: no such setting'],
    ['a name that is not a text', '? [a]\n: b\n', '1:3: ?: no such setting'],
    ['a merge', '<<: {port: 1}\n', '1:1: <<: no such setting'],
    ['a name twice', 'port: 1\n\nport: 2\n', '3:1: port: is written twice'],
    ['one in a group twice', 'oauth: {wait: 1, wait: 1}\n', '1:18: oauth.wait: is written twice'],
    ['a JSON name twice', '{"port": 1,\n "port": 1}', '2:2: port: is written twice'],
    ['a name without a value', 'port:\nhost: ::1', '1:1: port: has no value'],
    ['null', '{"port": null}', '1:2: port: has no value'],
    ['an anchor that is not there', 'port: *x\n', '1:1: port: has no value'],
    ['a list for one value', 'port: [1]\n', '1:1: port: takes one value'],
    [
      'a group for one value',
      'port: {a: 1}\n',
      '1:1: port: is not a group and has no names below it',
    ],
    ['a group in a list', 'allowHost: [a, {b: c}]\n', '1:1: allowHost: value 2 is not a string'],
    ['an empty list', 'allowHost: []\n', '1:1: allowHost: is empty'],
    ['a value for a group', 'oauth: x\n', '1:1: oauth: is not a list of names with values'],
    ['a wrong value', 'oauth:\n  wait: soon\n', '2:3: oauth.wait: is not a duration'],
    [
      'a wrong value in a list',
      'allowHost: [a, b c]',
      '1:1: allowHost: value 2 is not a host as in a Host header',
    ],
    ['a text', 'hunter2', '1:1: is not a list of names with values'],
    ['a list', '- hunter2', '1:1: is not a list of names with values'],
    ['a flow that does not end', 'allowHost: [hunter2\n', '2:1: is not valid YAML (bad indent)'],
    ['a tag of its own', 'host: !hunter2 x\n', '1:7: is not valid YAML (tag resolve failed)'],
    ['two documents', 'port: 1\n---\nport: 2\n', '2:1: is not valid YAML (multiple docs)'],
    ['a tab', 'oauth:\n\twait: 1\n', '2:1: is not valid YAML (tab as indent)'],
  ])('of %s', async (_, content, expected) => {
    const problems = await problemsOf(OPEN, inFile(content))
    expect(problems[0]).toBe(`gatehouse.yaml:${expected}`)
  })

  test('of all that is wrong at once', async () => {
    const content = 'prot: 1\nport: x\noauth: {wait: soon, issuer: [a, [b]]}\nport: 2\nhost: []\n'
    expect(await problemsOf(['--max-body=x'], inFile(content))).toEqual([
      'gatehouse.yaml:1:1: prot: no such setting',
      'gatehouse.yaml:3:21: oauth.issuer: value 2 is not a string',
      'gatehouse.yaml:4:1: port: is written twice',
      'gatehouse.yaml:5:1: host: takes one value',
      'gatehouse.yaml:2:1: port: is not a port',
      '--max-body: is not a size',
      'gatehouse.yaml:3:9: oauth.wait: is not a duration',
      '--upstream: is missing',
    ])
  })
})

test('what was meant', async () => {
  const hints = async (content: string) =>
    (await read(OPEN, inFile(content))).problems.map(({ hint }) => hint)
  expect(await hints('prot: 1\n')).toEqual(['did you mean port?'])
  expect(await hints('oauth: {isuer: x}\n')).toEqual(['did you mean oauth.issuer?'])
  expect(await hints('max-body: 1\n')).toEqual(['did you mean maxBody?'])
  expect(await hints('oauth.wait: 1\n')).toEqual(['write wait below oauth:'])
  expect(await hints('resorces: []\n')).toEqual(['did you mean resources?'])
  expect(await hints('nonsense: 1\n')).toEqual(['see --help for all settings'])
})

describe('a file that makes no sense', () => {
  test('is one problem: nobody knows what it would have said', async () => {
    const argv = ['--auth', 'oauth', '--port', 'x']
    expect(await problemsOf(argv, inFile('oauth: ['))).toEqual([
      'gatehouse.yaml:1:9: is not valid YAML (bad indent)',
      '--port: is not a port',
    ])
    expect(await problemsOf(['--config', 'none.yaml', ...argv])).toEqual([
      '--config: none.yaml cannot be read (ENOENT)',
      '--port: is not a port',
    ])
    expect(await problemsOf([], { env: { MCP_GATEHOUSE_CONFIG: 'none.yaml' } })).toEqual([
      'MCP_GATEHOUSE_CONFIG: none.yaml cannot be read (ENOENT)',
    ])
  })

  test('what is known without it is judged', async () => {
    const argv = ['--config', 'none.yaml', '--auth', 'none', '--host', '0.0.0.0']
    expect(await problemsOf(argv)).toEqual(['--config: none.yaml cannot be read (ENOENT)'])
    argv.push('--transport', 'streamable-http')
    expect(await problemsOf(argv)).toEqual([
      '--config: none.yaml cannot be read (ENOENT)',
      '--host: must be loopback without --auth oauth',
    ])
  })

  test('a setting that is wrong there is not missing as well', async () => {
    const content = 'auth: oauth\nhost: 0.0.0.0\nresource: []\nupstream: {}\noauth: [1]\n'
    expect(await problemsOf([], inFile(content))).toEqual([
      'gatehouse.yaml:3:1: resource: takes one value',
      'gatehouse.yaml:4:1: upstream: is not a group and has no names below it',
      'gatehouse.yaml:5:1: oauth: is not a list of names with values',
    ])
  })
})

test('the name of the file cannot break a line', async () => {
  const name = 'a\n--port: b'
  const files = { [`${process.cwd()}/${name}`]: 'port: x\n' }
  expect(await problemsOf([...OPEN, '--config', name], { files })).toEqual([
    'a?--port: b:1:1: port: is not a port',
  ])
})
