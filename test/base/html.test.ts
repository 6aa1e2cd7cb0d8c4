/** Text of others in HTML. */
import { expect } from 'vitest'
import { escapeHtml, escapeWithFlags } from '../../src/base/html.js'
import { verifies } from '../support/verifies.js'

const flag = (name: string) => `<code>${name}</code>`

verifies(
  ['WHO-07', 'WHO-08'],
  'a text that is not a flag stays a text, with and without marks',
  () => {
    for (const text of ['a--b', '---', '--', '--A', 'x---max-body', `<b title="--">'&`, '1 -- 2']) {
      expect(escapeWithFlags(text)).toBe(escapeHtml(text))
    }
  },
)

verifies(
  ['WHO-07', 'WHO-08'],
  'a flag stays whole with the marks around it, and is escaped',
  () => {
    expect(escapeWithFlags('a (--max-body), b')).toBe(
      `a <span class="flag">(${flag('--max-body')}),</span> b`,
    )
    expect(escapeWithFlags('<i>--oauth-scopes</i>')).toBe(
      `&lt;i&gt;<span class="flag">${flag('--oauth-scopes')}</span>&lt;/i&gt;`,
    )
  },
)
