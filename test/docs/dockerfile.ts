/** The Dockerfiles of the examples, as far as tests look at them. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

export interface Stage {
  readonly from: string
  readonly run: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly user: string | undefined
  /** In the form without a shell; empty for any other. */
  readonly entrypoint: readonly string[]
  readonly cmd: readonly string[]
}

function list(value: string | undefined): readonly string[] {
  return value?.startsWith('[') === true ? (JSON.parse(value) as string[]) : []
}

function readStage(lines: readonly (readonly [string, string])[]): Stage {
  const all = (name: string) => lines.filter(([each]) => each === name).map(([, value]) => value)
  const pairs = all('ENV').map((pair) => {
    const [name = '', ...value] = pair.split('=')
    return [name, value.join('=').replace(/^"(.*)"$/, '$1')] as const
  })
  return {
    from: (all('FROM')[0] ?? '').split(' ')[0] ?? '',
    run: all('RUN'),
    env: Object.fromEntries(pairs),
    user: all('USER').at(-1),
    entrypoint: list(all('ENTRYPOINT').at(-1)),
    cmd: list(all('CMD').at(-1)),
  }
}

export function dockerfile(example: string): {
  readonly stages: readonly Stage[]
  readonly env: Readonly<Record<string, string>>
  readonly text: string
} {
  const file = resolve(import.meta.dirname, '../../examples', example, 'Dockerfile')
  const text = readFileSync(join(file), 'utf8')
  const lines = text
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => /^[A-Z]+ /.test(line))
    .map((line): [string, string] => [
      line.slice(0, line.indexOf(' ')),
      line.slice(line.indexOf(' ') + 1),
    ])
  const starts = lines.flatMap(([name], index) => (name === 'FROM' ? [index] : []))
  const stages = starts.map((start, index) => readStage(lines.slice(start, starts[index + 1])))
  return { stages, env: stages.at(-1)?.env ?? {}, text }
}
