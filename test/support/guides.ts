/** The commands of the guides in `examples`, as their readers copy them. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const EXAMPLES = resolve(import.meta.dirname, '../../examples')

interface GuideBlock {
  /** The folder below `examples`. */
  readonly guide: string
  /** What stands on the line before the block. */
  readonly mark: string
  /** Of a block that is run. */
  readonly name: string | undefined
  readonly commands: string
}

function readBlocks(guide: string): readonly GuideBlock[] {
  const text = readFileSync(join(EXAMPLES, guide, 'README.md'), 'utf8')
  return [...text.matchAll(/^(.*)\n+```sh\n([\s\S]*?)^```$/gm)].map(
    ([, mark = '', commands = '']) => ({
      guide,
      mark,
      name: /^<!-- runs: ([\w-]+) -->$/.exec(mark)?.[1],
      commands,
    }),
  )
}

/** Every block of shell commands in every guide. */
export function allGuideBlocks(): readonly GuideBlock[] {
  return readdirSync(EXAMPLES, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => readBlocks(name))
}

/** The block that a test runs; `test/docs` looks for these calls. */
export function guideBlock(guide: string, name: string): string {
  const block = readBlocks(guide).find((candidate) => candidate.name === name)
  if (block === undefined) throw new Error(`examples/${guide}/README.md has no block ${name}`)
  return block.commands
}
