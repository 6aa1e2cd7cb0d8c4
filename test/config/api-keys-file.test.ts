/** The file of API keys, as the configuration reads it. */
import { chmodSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readConfiguration } from '../../src/config/read-configuration.js'
import { toGatewayOptions } from '../../src/config/to-gateway-options.js'
import { writeTemporary } from '../support/cli.js'
import { digestOf } from '../support/api-keys.js'
import { verifies } from '../support/verifies.js'
import { OAUTH, problemsOf, read } from './support.js'

const ARGV = [...OAUTH, '--oauth-keys-file', '/keys.yaml']
const KEY = `  - id: ci
    digest: ${digestOf('a')}
    subject: ci
    resources: [https://mcp.example.com/mcp]
    expires: 2027-03-01
`

const problemsIn = (content: string) => problemsOf(ARGV, { files: { '/keys.yaml': content } })

verifies('IDN-13', 'is an option of each resource, with texts as they were written', async () => {
  const configuration = await read(ARGV, { files: { '/keys.yaml': `keys:\n${KEY}` } })
  expect(configuration.problems).toEqual([])
  expect(toGatewayOptions(configuration).apiKeys?.keys).toEqual([
    {
      id: 'ci',
      digest: digestOf('a'),
      subject: 'ci',
      resources: ['https://mcp.example.com/mcp'],
      expires: '2027-03-01',
    },
  ])
})

describe('problems', () => {
  verifies('IDN-13', 'have line and column', async () => {
    expect(await problemsIn(`keys:\n${KEY}${KEY}`)).toEqual([
      '/keys.yaml:7:5: keys[1].id: is that of keys[0]',
      '/keys.yaml:8:5: keys[1].digest: is that of keys[0]',
    ])
    const typo = KEY.replace('2027-03-01', 'soon').replace('subject', 'subjekt')
    expect(await problemsIn(`keys:\n${typo}`)).toEqual([
      '/keys.yaml:4:5: keys[0].subjekt: no such option',
      '/keys.yaml:2:5: keys[0].subject: must be a text',
      '/keys.yaml:6:5: keys[0].expires: must be a date, a time in UTC, or never',
    ])
  })

  test('a file that is empty, missing, or something else', async () => {
    expect(await problemsIn('')).toEqual(['/keys.yaml: is empty'])
    expect(await problemsIn('- a')).toEqual(['/keys.yaml:1:1: must have a list of keys'])
    expect(await problemsIn('keys: [')).toEqual([expect.stringContaining('is not valid YAML')])
    expect(await problemsOf(ARGV)).toEqual([
      '--oauth-keys-file: /keys.yaml cannot be read (ENOENT)',
    ])
  })

  verifies('IDN-13', 'a key in the file itself is refused, and not shown', async () => {
    const key = `mgh_${'a'.repeat(49)}`
    const problems = await problemsIn(`keys:\n${KEY.replace(digestOf('a'), key)}`)
    expect(problems).toEqual(['/keys.yaml:3:5: keys[0].digest: must be SHA-256 in 64 hex digits'])
  })
})

describe('a file on a disk', () => {
  async function problemsWith(mode: number) {
    const file = writeTemporary('keys.yaml', `keys:\n${KEY}`)
    chmodSync(file, mode)
    const argv = [...OAUTH, '--oauth-keys-file', file]
    const { problems } = await readConfiguration({ argv, env: {} })
    return problems.map(({ message }) => message.replace(file, 'FILE'))
  }

  verifies('IDN-13', 'is refused if others may write it', async () => {
    expect(await problemsWith(0o600)).toEqual([])
    expect(await problemsWith(0o644)).toEqual([])
    for (const mode of [0o620, 0o602, 0o666]) {
      const shown = `0${mode.toString(8)}`
      expect(await problemsWith(mode)).toEqual([
        `FILE has the mode ${shown}, so that others can write it`,
      ])
    }
  })
})
