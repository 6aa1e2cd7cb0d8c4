/** The commands and the code of the documents, as their readers copy them. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../..')

/** Documents at the top that show commands. */
const PAPERS: readonly string[] = ['README', 'AGENTS']

interface GuideBlock {
  /** `README`, `AGENTS`, a page such as `docs/gateway`, or a folder below `examples`. */
  readonly guide: string
  /** What stands on the line before the block. */
  readonly mark: string
  /** Of a block that is run. */
  readonly name: string | undefined
  readonly commands: string
}

/** The path of a guide, from the root of the checkout. */
export function guideFile(guide: string): string {
  const isPage = PAPERS.includes(guide) || guide.startsWith('docs/')
  return isPage ? `${guide}.md` : `examples/${guide}/README.md`
}

/** The text of a guide. */
export function readGuide(guide: string): string {
  return readFileSync(join(ROOT, guideFile(guide)), 'utf8')
}

function readBlocks(guide: string, language: 'sh' | 'ts'): readonly GuideBlock[] {
  const fences = new RegExp(`^(.*)\\n+\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm')
  return [...readGuide(guide).matchAll(fences)].map(([, mark = '', commands = '']) => ({
    guide,
    mark,
    name: /^<!-- runs: ([\w-]+) -->$/.exec(mark)?.[1],
    commands,
  }))
}

/** The pages of `docs`, as guides. */
export const DOCS: readonly string[] = readdirSync(join(ROOT, 'docs'))
  .filter((file) => file.endsWith('.md'))
  .map((file) => `docs/${file.slice(0, -'.md'.length)}`)

/** The documents at the top, the pages of `docs`, and the guides in `examples`. */
export const GUIDES: readonly string[] = [
  ...PAPERS,
  ...DOCS,
  ...readdirSync(join(ROOT, 'examples'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name),
]

/** Every block of shell commands in every guide. */
export function allGuideBlocks(): readonly GuideBlock[] {
  return GUIDES.flatMap((guide) => readBlocks(guide, 'sh'))
}

/** Every block of TypeScript in the README and the pages of `docs`. */
export function allCodeBlocks(): readonly GuideBlock[] {
  return ['README', ...DOCS].flatMap((guide) => readBlocks(guide, 'ts'))
}

/** The targets of all links and pictures of a text that are not on the web. */
export function relativeLinks(text: string): readonly string[] {
  const prose = text.replaceAll(/^```[\s\S]*?^```$/gm, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)|<img src="([^"]+)"/g)]
    .map(([, link, picture]) => link ?? picture ?? '')
    .filter((target) => !/^[a-z]+:/.test(target))
}

/** The block that a test runs; `test/docs` looks for these calls. */
export function guideBlock(guide: string, name: string): string {
  const block = readBlocks(guide, 'sh').find((candidate) => candidate.name === name)
  if (block === undefined) throw new Error(`${guideFile(guide)} has no block ${name}`)
  return block.commands
}

/** The claims of the token that a guide prints below `<!-- token: NAME -->`. */
export function guideToken(guide: string, name: string): Readonly<Record<string, unknown>> {
  const fence = new RegExp(`^<!-- token: ${name} -->\\n+\`\`\`json\\n([\\s\\S]*?)^\`\`\`$`, 'm')
  const [, text] = fence.exec(readGuide(guide)) ?? []
  if (text === undefined) throw new Error(`${guideFile(guide)} has no token ${name}`)
  return JSON.parse(text) as Readonly<Record<string, unknown>>
}

/** The words of a command that stands over several lines. */
export function wordsOf(command: string): readonly string[] {
  return command.replaceAll('\\\n', ' ').trim().split(/\s+/)
}
