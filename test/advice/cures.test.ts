/** What to change, by the code of a refusal. The compiler knows that there is one for each code. */
import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { adviceFor, cureFor, CURES } from '../../src/advice/cures.js'
import { verifies } from '../support/verifies.js'

const TROUBLESHOOTING = readFileSync('docs/troubleshooting.md', 'utf8')

verifies('WHO-05', 'docs/troubleshooting explains every code', () => {
  // The hints of the identity providers are generated, and name other codes.
  const [written = ''] = TROUBLESHOOTING.split('<!-- troubleshooting -->')
  const explained = [...written.matchAll(/\*\*`(ERR_[A-Z_]+)`\*\*/g)].map(([, code]) => code ?? '')
  const known = Object.keys(CURES)
  expect(known.filter((code) => !explained.includes(code))).toEqual([])
  expect(explained.filter((code) => !known.includes(code))).toEqual([])
})

verifies('WHO-05', 'each code has a cure, and no other text has one', () => {
  for (const code of Object.keys(CURES)) expect(cureFor(code)).toMatch(/^\S.*[^.\s]$/)
  for (const code of [undefined, '', 'ERR_', 'toString', 'ERR_CONFIGURATION']) {
    expect(cureFor(code)).toBeUndefined()
  }
})

verifies('WHO-05', 'a cure follows a hint only with a setting that the hint does not name', () => {
  const cure = CURES.ERR_TOKEN_AUDIENCE
  expect(adviceFor(undefined, 'ERR_TOKEN_AUDIENCE')).toEqual([cure])
  expect(adviceFor('add a mapper', 'ERR_TOKEN_AUDIENCE')).toEqual(['add a mapper', cure])
  const told = 'or name it in --oauth-audience'
  expect(adviceFor(told, 'ERR_TOKEN_AUDIENCE')).toEqual([told])
  // A longer flag is another one.
  const other = 'set --oauth-audience-claim'
  expect(adviceFor(other, 'ERR_TOKEN_AUDIENCE')).toEqual([other, cure])
  expect(adviceFor('choose RS256', 'ERR_TOKEN_ALGORITHM')).toEqual(['choose RS256'])
  // The cure is about tokens.
  const ofKeys = 'API keys: make a key for this resource (mcp-gatehouse key new --resource)'
  expect(adviceFor(ofKeys, 'ERR_TOKEN_AUDIENCE')).toEqual([ofKeys])
  expect(adviceFor('a hint', 'ERR_OF_TOMORROW')).toEqual(['a hint'])
  expect(adviceFor(undefined, undefined)).toEqual([])
})
