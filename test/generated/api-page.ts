/** The page of everything that users import: what the entries export, as their source says it. */
import { readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseAst } from 'vitest/node'

const SOURCE = resolve(import.meta.dirname, '../../src')
export const ENTRIES = ['index', 'hono', 'node', 'fetch', 'introspect', 'gateway', 'flags'] as const

/** A node of the syntax tree, as far as it is looked at here. */
interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [member: string]: unknown
}

interface Module {
  readonly file: string
  readonly text: string
  readonly statements: readonly Node[]
}

/** A name that users import, where it is declared. */
interface Exported {
  readonly name: string
  readonly module: Module
  /** More than one where a function has overloads. */
  readonly declarations: readonly Node[]
}

const modules = new Map<string, Module>()

function moduleAt(file: string): Module {
  const known = modules.get(file)
  if (known !== undefined) return known
  const text = readFileSync(file, 'utf8')
  const { body } = parseAst(text, { lang: 'ts' }) as unknown as { readonly body: readonly Node[] }
  const module = { file, text, statements: body }
  modules.set(file, module)
  return module
}

function nameOf(node: unknown): string {
  return String((node as { readonly name?: string } | null | undefined)?.name)
}

function namesOf({ type, id, declarations }: Node): readonly string[] {
  if (type !== 'VariableDeclaration') return [nameOf(id)]
  return (declarations as readonly Node[]).map((each) => nameOf(each['id']))
}

/** The statements that export a name from a module that declares it. */
function declared(module: Module, name: string): Exported {
  const declarations = module.statements.filter(({ type, declaration }) => {
    const isExport = type === 'ExportNamedDeclaration' && declaration !== null
    return isExport && namesOf(declaration as Node).includes(name)
  })
  if (declarations.length === 0) throw new Error(`${module.file} does not declare ${name}`)
  return { name, module, declarations }
}

interface Source {
  readonly value: string
}

function moduleOf({ file }: Module, { value }: Source): Module {
  return moduleAt(join(dirname(file), value.replace(/\.js$/, '.ts')))
}

/** Where a name comes from that is imported and exported again. */
function importOf({ file, statements }: Module, name: string): Source {
  const found = statements.find(({ type, specifiers }) => {
    const isImport = type === 'ImportDeclaration'
    return isImport && (specifiers as readonly Node[]).some(({ local }) => nameOf(local) === name)
  })
  if (found === undefined) throw new Error(`${file} does not import ${name}`)
  return found['source'] as Source
}

function exportsOf(module: Module): readonly Exported[] {
  const exported = module.statements.flatMap((statement) => {
    const { type, declaration, source, specifiers } = statement
    if (type !== 'ExportNamedDeclaration') return []
    if (declaration !== null) {
      return namesOf(declaration as Node).map((name) => declared(module, name))
    }
    return (specifiers as readonly Node[]).map((each) => {
      const name = nameOf(each['exported'])
      const other = moduleOf(module, (source as Source | null) ?? importOf(module, name))
      return exportsOf(other).find((found) => found.name === name) ?? declared(other, name)
    })
  })
  return [...new Map(exported.map((each) => [each.name, each])).values()]
}

/** The text of a doc comment, as Markdown. */
function toMarkdown(comment: string): string {
  return comment
    .replace(/^\s*\/\*\*|\*\/\s*$/g, '')
    .replaceAll(/^ *\* ?/gm, '')
    .replaceAll(/\{@link (\S+?)\}/g, '`$1`')
    .replaceAll(/^@example.*$|^@module.*$/gm, '')
    .replaceAll(/^@(?:template|param) (\S+) /gm, '- `$1`: ')
    .replaceAll(/^@returns /gm, '- Returns ')
    .replaceAll(/^@throws (?:\{(\w+)\} )?/gm, (_, name?: string) =>
      name === undefined ? '- Throws ' : `- Throws \`${name}\`: `,
    )
    .replaceAll(/^Adding a name here is a decision.*$/gm, '')
    .replaceAll(/^```ts$/gm, '```typescript')
    .trim()
}

function docBefore({ text }: Module, start: number): string {
  const [comment = ''] = /\/\*\*(?:(?!\*\/)[\s\S])*\*\/\s*$/.exec(text.slice(0, start)) ?? []
  return toMarkdown(comment)
}

/** Without what comes after the signature of a function, or of a method. */
function head(text: string, node: Node): string {
  const { body } = node
  const end = body === null || body === undefined ? node.end : (body as Node).start
  return text.slice(node.start, end).trimEnd()
}

function classSignature(text: string, node: Node): string {
  const { body: members, start } = node['body'] as { readonly body: readonly Node[] } & Node
  const own = members
    .filter(({ key, accessibility }) => {
      const isNamed = (key as Node | undefined)?.type === 'Identifier'
      return isNamed && accessibility !== 'private'
    })
    .map((member) => {
      const { type, value } = member
      const isMethod = type === 'MethodDefinition'
      const end = isMethod ? ((value as Node)['body'] as Node).start : member.end
      return `  ${text.slice(member.start, end).trimEnd()}`
    })
  return [`${text.slice(node.start, start)}{`, ...own, '}'].join('\n')
}

function signature({ text }: Module, statement: Node): string {
  const node = statement['declaration'] as Node
  if (node.type === 'ClassDeclaration') return classSignature(text, node)
  if (node.type !== 'VariableDeclaration') {
    return node.type.includes('Function') ? head(text, node) : text.slice(node.start, node.end)
  }
  const [first] = node['declarations'] as readonly Node[]
  const { start, end } = first!['id'] as Node
  return `const ${text.slice(start, end)}`
}

function section({ name, module, declarations }: Exported): string {
  const docs = declarations.map(({ start }) => docBefore(module, start))
  const signatures = declarations.map((each) => signature(module, each))
  return [
    `### ${name}`,
    `\`\`\`typescript\n${signatures.join('\n')}\n\`\`\``,
    ...docs.filter((text) => text !== ''),
  ].join('\n\n')
}

/** Each name once, at the first entry that exports it. */
export function apiPage(): string {
  const shown = new Set<string>()
  return ENTRIES.map((entry) => {
    const module = moduleAt(join(SOURCE, `${entry}.ts`))
    const all = exportsOf(module)
    const isShown = ({ name, module: { file } }: Exported) => shown.has(`${file} ${name}`)
    const again = all.filter(isShown).map(({ name }) => `\`${name}\``)
    const fresh = all.filter((each) => !isShown(each))
    for (const {
      name,
      module: { file },
    } of fresh)
      shown.add(`${file} ${name}`)
    const path = entry === 'index' ? 'mcp-gatehouse' : `mcp-gatehouse/${entry}`
    return [
      `## ${path}`,
      docBefore(module, module.statements[0]?.start ?? 0),
      ...(again.length > 0 ? [`Also here: ${again.join(', ')}.`] : []),
      ...fresh.map(section),
    ].join('\n\n')
  }).join('\n\n')
}
