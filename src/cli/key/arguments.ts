/**
 * The arguments of `key` and its commands.
 *
 * @module
 */
import type { Setting } from '../../config/setting.js'
import { JSON_FLAG, ownFlag, textFlag, toggleFlag, type ArgumentShape } from '../arguments.js'

const DEFAULT_DAYS = 90

export const OF_NEW: readonly Setting[] = [
  textFlag('subject', 'NAME', 'the person or machine that the key stands for', 'ci, or alice'),
  ownFlag({
    path: 'resource',
    kind: 'list',
    placeholder: 'URL',
    description: 'a resource that it opens, as it is published; may be repeated',
    hint: 'https://mcp.example.com/mcp',
  }),
  ownFlag({
    path: 'scopes',
    kind: 'words',
    placeholder: '"A B"',
    description: 'scopes that it holds',
    default: 'none',
    hint: 'in one argument: "mcp:read mcp:write"',
  }),
  textFlag('id', 'ID', 'names the key in logs and lists; by default a random one', 'ci-2027'),
  ownFlag({
    path: 'days',
    kind: 'text',
    placeholder: 'NUMBER',
    description: 'days until it ends',
    default: String(DEFAULT_DAYS),
    hint: 'a whole number from 1 to 3660',
  }),
  toggleFlag('noExpiry', 'it never ends; somebody has to remember to revoke it'),
]

export type KeyCommand = 'new' | 'list' | 'revoke'

export const SHAPES: Readonly<Record<KeyCommand, ArgumentShape>> = {
  new: { names: ['FILE'], flags: OF_NEW },
  list: { names: ['FILE'], flags: [JSON_FLAG] },
  revoke: { names: ['FILE', 'ID'], flags: [] },
}

/** @returns `undefined` if it is no number of days */
export function parseDays(text: string = String(DEFAULT_DAYS)): number | undefined {
  const days = /^[1-9]\d{0,3}$/.test(text) ? Number(text) : undefined
  return days !== undefined && days <= 3660 ? days : undefined
}
