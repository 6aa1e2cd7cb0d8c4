/** What is generated from the settings is what they say now, and the JSON schema is right. */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { describe, expect, test } from 'vitest'
import { fromJSONSchema } from 'zod'
import { flagOf } from '../../src/config/names.js'
import {
  FILE_SETTINGS,
  ISSUER,
  ISSUERS,
  RESOURCES,
  SETTINGS,
} from '../../src/config/setting-lists.js'
import { EXAMPLES, FILES, fileLines } from '../config/examples.js'
import { inFile, OPEN, read } from '../config/support.js'
import { ENTRIES } from './api-page.js'
import { GENERATED_PAGES, jsonSchema, regenerate } from './artefacts.js'

const schemaText = readFileSync('gatehouse.schema.json', 'utf8')

test.each(GENERATED_PAGES)('docs/%s.md is up to date (npm run generate)', async (name) => {
  const page = readFileSync(`docs/${name}.md`, 'utf8')
  expect(await regenerate(name, page)).toBe(page)
  await expect(regenerate(name, '# nothing')).rejects.toThrow(`docs/${name}.md needs`)
})

test('docs/settings.md has one row for each setting', () => {
  const page = readFileSync('docs/settings.md', 'utf8')
  for (const { path } of SETTINGS) {
    expect(page.match(new RegExp(`^\\| \`${flagOf(path)}[ \`]`, 'gm'))).toHaveLength(1)
  }
})

test('docs/api.md has every name of every entry of the package', async () => {
  const page = readFileSync('docs/api.md', 'utf8')
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    readonly exports: Readonly<Record<string, unknown>>
  }
  const entries = Object.keys(exports).filter((path) => !path.endsWith('.json'))
  const paths = entries.map((path) => `mcp-gatehouse${path.slice(1)}`)
  expect([...page.matchAll(/^## (.+)$/gm)].map(([, path]) => path)).toEqual(paths)
  const headings = new Set([...page.matchAll(/^### (.+)$/gm)].map(([, name]) => name))
  for (const entry of ENTRIES) {
    const names = Object.keys((await import(`../../src/${entry}.ts`)) as object)
    expect(names.length).toBeGreaterThan(0)
    expect(names.filter((name) => !headings.has(name))).toEqual([])
  }
})

test('gatehouse.schema.json is what the settings say (npm run generate)', async () => {
  expect(await jsonSchema()).toBe(schemaText)
})

describe('the JSON schema', () => {
  interface JsonSchema {
    readonly properties: Readonly<Record<string, JsonSchema>>
    readonly additionalProperties: boolean
    readonly description: string
    readonly default?: unknown
  }
  const schema = JSON.parse(schemaText) as JsonSchema
  const accepts = (yaml: string) =>
    fromJSONSchema(schema as unknown as Parameters<typeof fromJSONSchema>[0]).safeParse(parse(yaml))
      .success

  test('knows every setting of a file and no other, each with a description', () => {
    const paths = Object.entries(schema.properties).flatMap(([name, { properties }]) =>
      name === 'oauth' ? Object.keys(properties).map((member) => `oauth.${member}`) : [name],
    )
    const own = FILE_SETTINGS.flatMap(({ path }) => (path === ISSUER ? [path, ISSUERS] : [path]))
    expect(paths).toEqual(['$schema', ...own, RESOURCES])
    for (const { path, description } of FILE_SETTINGS) {
      const [name = '', member = ''] = path.split('.')
      const own = schema.properties[name]
      const property = member === '' ? own : own?.properties[member]
      expect(property?.description).toContain(description)
    }
    expect(schema.additionalProperties).toBe(false)
    expect(schema.properties['oauth']?.additionalProperties).toBe(false)
  })

  test.each(Object.entries(EXAMPLES))(
    '%s: takes what the gateway takes',
    async (path, { file }) => {
      expect(accepts(fileLines(path, file))).toBe(true)
    },
  )

  const defaults = Object.entries(schema.properties).flatMap(([name, { properties, ...own }]) =>
    name === 'oauth'
      ? Object.entries(properties).map(
          ([member, each]) => [`oauth.${member}`, each.default] as const,
        )
      : [[name, own.default] as const],
  )
  test.each(defaults.filter(([, value]) => value !== undefined))(
    '%s: the default %j is the default',
    async (path, value) => {
      const content = fileLines(path, JSON.stringify(value))
      expect(accepts(content)).toBe(true)
      const { settings, given, problems } = await read(OPEN, inFile(content, FILES))
      expect(problems).toEqual([])
      expect(given.has(path)).toBe(true)
      const { config: _, ...withDefault } = settings
      expect(withDefault).toEqual((await read(OPEN)).settings)
    },
  )

  test.each([
    'prot: 80',
    'config: other.yaml',
    'oauth: {isuer: x}',
    'oauth: x',
    'oauth.wait: 3s',
    'port: [80]',
    'port: 65536',
    'port: -1',
    'port: http',
    'adminPort: of',
    'auth: on',
    'logLevel: trace',
    'maxBody: 4MB',
    'maxBody: 0',
    'upstreamTimeout: 1d',
    'upstream: ""',
    'upstream: {}',
    'upstream: null',
    'allowHost: []',
    'allowHost: [""]',
    'allowHost: [[a]]',
    'oauth: {requireType: "maybe"}',
    'resources: []',
    'resources: {}',
    'resources: [{upstream: http://127.0.0.1:8000/mcp}]',
    'resources: [{resource: http://localhost/a, port: 1}]',
    'resources: [{resource: http://localhost/a, scopes: a}]',
    'resources: [{resource: http://localhost/a, oauth: {issuers: []}}]',
    'resources: [{resource: http://localhost/a, oauth: {allowHttp: a}}]',
  ])('%s: refuses it, as the gateway does', async (content) => {
    expect(accepts(content)).toBe(false)
    const argv = /^(?:upstream|resources):/.test(content) ? [] : OPEN
    expect((await read(argv, inFile(content))).problems[0]?.path).toMatch(/^gatehouse\.yaml:1:/)
  })
})
