import { expect } from 'vitest'
import { isColoured } from '../../src/cli/coloured.js'
import { verifies } from '../support/verifies.js'

const TERMINAL = { isTTY: true }

const STREAMS = [
  ['a file', {}, {}, false],
  ['a file, whatever surrounds it', { isTTY: false }, { TERM: 'xterm' }, false],
  ['a terminal', TERMINAL, { TERM: 'xterm' }, true],
  ['a terminal in a CI', TERMINAL, { CI: 'true', TERM: 'xterm' }, true],
  ['a terminal with NO_COLOR', TERMINAL, { NO_COLOR: '1' }, false],
  ['a terminal with an empty NO_COLOR', TERMINAL, { NO_COLOR: '' }, true],
  ['a dumb terminal', TERMINAL, { TERM: 'dumb' }, false],
] as const

for (const [name, stream, env, expected] of STREAMS) {
  verifies('DOC-07', `${expected ? 'colour' : 'no colour'} on ${name}`, () => {
    expect(isColoured(stream, env)).toBe(expected)
  })
}
