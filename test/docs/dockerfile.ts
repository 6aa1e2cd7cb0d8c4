/** The Dockerfiles of the examples, as far as tests look at them. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

interface Stage {
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

export interface Dockerfile {
  readonly text: string
  /** The last one is the image. */
  readonly stages: readonly Stage[]
  readonly image: Stage
  /** What runs in the container, without what only an image has before the gateway: `tini`, a display. */
  readonly gatewayCommand: readonly string[]
}

export function readDockerfile(example: string): Dockerfile {
  const file = resolve(import.meta.dirname, '../../examples', example, 'Dockerfile')
  const text = readFileSync(file, 'utf8')
  const lines = text
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => /^[A-Z]+ /.test(line))
    .map((line): [string, string] => {
      const blank = line.indexOf(' ')
      return [line.slice(0, blank), line.slice(blank + 1)]
    })
  const starts = lines.flatMap(([name], index) => (name === 'FROM' ? [index] : []))
  const stages = starts.map((start, index) => readStage(lines.slice(start, starts[index + 1])))
  const image = stages.at(-1) ?? readStage([])
  const words = [...image.entrypoint, ...image.cmd]
  return { text, stages, image, gatewayCommand: words.slice(words.indexOf('mcp-gatehouse')) }
}
