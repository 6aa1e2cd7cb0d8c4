/** The Dockerfiles of the guides, which no engine is at hand to build. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

export const EXAMPLES = resolve(import.meta.dirname, '../../examples')

interface Instruction {
  readonly name: string
  readonly value: string
}

/** In their order; a line that goes on is one. */
export function readDockerfile(guide: string): readonly Instruction[] {
  return readFileSync(join(EXAMPLES, guide, 'Dockerfile'), 'utf8')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', value = ''] = /^([A-Z]+) +(.*)$/.exec(line) ?? []
      return { name, value }
    })
}

export function valuesOf(instructions: readonly Instruction[], name: string): string[] {
  return instructions.filter((each) => each.name === name).map(({ value }) => value)
}

/** What runs in the container, without what only an image has before the gateway: `tini`, a display. */
export function gatewayCommand(instructions: readonly Instruction[]): string[] {
  const words = ['ENTRYPOINT', 'CMD'].flatMap((name) => {
    const [value = ''] = valuesOf(instructions, name)
    return JSON.parse(value) as string[]
  })
  return words.slice(words.indexOf('mcp-gatehouse'))
}
