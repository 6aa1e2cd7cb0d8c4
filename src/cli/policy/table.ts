/**
 * The command `policy table`: everything that a live server offers, with what it needs.
 *
 * @module
 */
import type { McpOperation, McpTarget } from '../../mcp/operation.js'
import { canonicalUri } from '../../mcp/resource-uri.js'
import { canonicalTemplate } from '../../mcp/uri-template.js'
import type { PolicyFile } from '../../config/policy-file.js'
import type { Inventory } from './inventory.js'
import { createEvaluator, describeClaim, type Needs } from './needs.js'
import { jsonText, shownScalar } from './shown.js'

interface Row {
  readonly kind: 'tool' | 'prompt' | 'resource' | 'template'
  readonly name: string
  /** `undefined` for a URI that no client may ask for. */
  readonly needs: Needs | undefined
}

const METHODS: Readonly<Record<McpTarget, string>> = {
  tool: 'tools/call',
  prompt: 'prompts/get',
  resource: 'resources/read',
}

function spellingOf(kind: Row['kind'], name: string): string | undefined {
  if (kind === 'template') return canonicalTemplate(name)
  return kind === 'resource' ? canonicalUri(name) : name
}

function rowsOf(file: PolicyFile, { tools, prompts, resources, templates }: Inventory): Row[] {
  const needsOf = createEvaluator(file)
  const row = (kind: Row['kind'], target: McpTarget, name: string): Row => {
    const spelled = spellingOf(kind, name)
    const operation: McpOperation = { method: METHODS[target], target, name: spelled }
    return { kind, name, needs: spelled === undefined ? undefined : needsOf(operation) }
  }
  return [
    ...tools.map(({ name }) => row('tool', 'tool', name)),
    ...prompts.map(({ name }) => row('prompt', 'prompt', name)),
    ...resources.map(({ name }) => row('resource', 'resource', name)),
    ...templates.map(({ name }) => row('template', 'resource', name)),
  ]
}

function isUncovered({ needs }: Row): boolean {
  return needs === undefined || needs.rules.length === 0
}

function describeNeeds({ needs }: Row): string {
  if (needs === undefined) return 'refused: not a URI, or dot segments in it'
  if (needs.denial !== undefined) return `denied: ${needs.denial}`
  const { scopes, claims, isPublic } = needs
  if (isPublic) return 'no token'
  const all = [
    ...(scopes.length > 0 ? [scopes.join(' ')] : []),
    ...claims.map((claim) => `claim ${describeClaim(claim)}`),
  ]
  return all.length > 0 ? all.join(', ') : 'the base scopes'
}

function formatText(rows: readonly Row[], unmatched: string): string {
  const cells = rows.map((row) => [
    row.kind,
    shownScalar(row.name, 60),
    describeNeeds(row),
    (row.needs?.rules ?? []).map(({ place }) => place).join(' '),
  ])
  const widths = [0, 1, 2].map((column) =>
    Math.max(0, ...cells.map((cell) => cell[column]?.length ?? 0)),
  )
  const lines = cells.map((cell) =>
    cell
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  const uncovered = rows.filter(isUncovered)
  const end =
    uncovered.length === 0
      ? [`A rule names each of the ${rows.length}.`]
      : [
          `No rule names ${uncovered.length} of the ${rows.length}; unmatched is ${unmatched}:`,
          ...uncovered.map(({ kind, name }) => `  ${kind} ${shownScalar(name)}`),
        ]
  return [...lines, ...(lines.length > 0 ? [''] : []), ...end, ''].join('\n')
}

function formatJson(rows: readonly Row[]): string {
  const operations = rows.map(({ kind, name, needs }) => ({
    kind,
    name,
    scopes: needs?.scopes ?? [],
    claims: (needs?.claims ?? []).map(({ claim, values }) => ({ claim, values })),
    rules: needs?.rules ?? [],
    ...(needs?.isPublic === true && { anonymous: true }),
    ...(needs === undefined && { denied: 'no URI, or dot segments in it' }),
    ...(needs?.denial !== undefined && { denied: needs.denial }),
  }))
  const uncovered = rows.filter(isUncovered).map(({ kind, name }) => ({ kind, name }))
  return jsonText({ operations, uncovered })
}

/** @param file without problems */
export function writeTable(file: PolicyFile, inventory: Inventory, isJson: boolean): string {
  const rows = rowsOf(file, inventory)
  return isJson ? formatJson(rows) : formatText(rows, file.policy.unmatched)
}
