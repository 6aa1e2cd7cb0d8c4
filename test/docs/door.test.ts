/** The README is a door: short, its links lead somewhere, and what it says agrees with the pages behind it. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  allCodeBlocks,
  allGuideBlocks,
  DOCS,
  guideBlock,
  guideFile,
  GUIDES,
  readGuide,
  relativeLinks,
} from '../support/guides.js'

const ROOT = resolve(import.meta.dirname, '../..')
const MOST_BYTES = 9000
const PAPERS = [
  'llms.txt',
  'SECURITY.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'examples/policy/CLIENTS.md',
]

/** As GitHub makes them of headings. */
function anchorsOf(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  )
}

test(`the README has at most ${MOST_BYTES} bytes`, () => {
  expect(statSync(join(ROOT, 'README.md')).size).toBeLessThanOrEqual(MOST_BYTES)
})

test.each(['README.md', 'llms.txt'])('%s leads to every page', (file) => {
  expect(relativeLinks(readFileSync(join(ROOT, file), 'utf8'))).toEqual(
    expect.arrayContaining([...GUIDES.map(guideFile).filter((page) => page !== 'README.md')]),
  )
})

describe('links', () => {
  const documents = [...GUIDES.map(guideFile), ...PAPERS].map(
    (file) => [file, readFileSync(join(ROOT, file), 'utf8')] as const,
  )

  test.each(documents)('of %s lead somewhere', (file, text) => {
    const broken = relativeLinks(text).filter((link) => {
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? join(ROOT, file) : resolve(ROOT, dirname(file), path)
      if (!existsSync(target)) return true
      return anchor !== undefined && !anchorsOf(readFileSync(target, 'utf8')).includes(anchor)
    })
    expect(broken).toEqual([])
  })

  test('a link to nothing, and an anchor without a heading, are found', () => {
    expect(relativeLinks('[a](b.md) [c](https://d.example) <img src="e.svg" alt="">')).toEqual([
      'b.md',
      'e.svg',
    ])
    expect(relativeLinks('```md\n[a](b.md)\n```')).toEqual([])
    expect(anchorsOf('## Express and `node:http`')).toEqual(['express-and-nodehttp'])
  })
})

test('its commands are those of the pages, which tests run', () => {
  expect(guideBlock('README', 'gateway')).toBe(guideBlock('docs/gateway', 'gateway'))
  expect(guideBlock('README', 'stdio')).toBe(guideBlock('docs/stdio', 'stdio'))
})

/** Routes without the guard, and gateways that are started without asking for tokens. */
function openForms(code: string): readonly string[] {
  const routes = code.match(/^ *app\.(?:all|get|post)\('[^']*', (?!guard\b).*/gm) ?? []
  const commands = code
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) =>
      /^(?:npx )?mcp-gatehouse (?!policy |doctor |explain |login |clients |key |check --config |--transport stdio )/.test(
        line,
      ),
    )
  return [...routes, ...commands.filter((line) => !line.includes('--auth oauth'))]
}

test('every form that a page shows fails closed', () => {
  const pages = ['README', 'AGENTS', ...DOCS]
  const shown = [...allGuideBlocks(), ...allCodeBlocks()].filter(({ guide }) =>
    pages.includes(guide),
  )
  expect(shown.length).toBeGreaterThan(15)
  expect(shown.flatMap(({ commands }) => openForms(commands))).toEqual([])
  expect(openForms("app.use(guard)\napp.all('/mcp', handler)")).toHaveLength(1)
  expect(openForms('npx mcp-gatehouse \\\n  --upstream http://127.0.0.1:1/mcp')).toHaveLength(1)
})

test('codes and events that README and docs name exist', () => {
  const source = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join(ROOT, 'src', file), 'utf8'))
    .join('\n')
  const text = ['README', 'AGENTS', ...DOCS].map(readGuide).join('\n')
  const codes = new Set(text.match(/\bERR_[A-Z_]+\b/g))
  const kinds =
    /`((?:claim|introspection|keys|origin|path|request|scopes|session|upstream)\.[a-z]+)`/g
  const events = new Set([...text.matchAll(kinds)].map(([, event = '']) => event))
  expect(codes.size).toBeGreaterThan(5)
  expect(events.size).toBeGreaterThan(1)
  expect([...codes, ...events].filter((name) => !source.includes(`'${name}'`))).toEqual([])
})
