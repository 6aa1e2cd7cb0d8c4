/**
 * The command `policy init`: a first policy for what a live server offers.
 *
 * Whatever the server says about itself becomes a comment. A person must decide which scopes
 * something needs.
 *
 * @module
 */
import { nameFault } from '../../policy/document.js'
import { canonicalUri } from '../../mcp/resource-uri.js'
import { compileUriPattern } from '../../policy/uri-pattern.js'
import type { Inventory, Offer } from './inventory.js'
import { inOneLine, scalarOf, shownScalar } from './shown.js'

const STAR = 'its name has a star, which matches any text in a rule: write this rule by hand'
const NO_URI =
  'no rule can name it, and no client can request it: it is not a URI, or has dot segments'
const FURTHER =
  'its query may have further parameters, which no star stands for: write this rule by hand'

/** The patterns by which a rule names it, or why no rule can name it without matching others. */
type Named = { readonly patterns: readonly string[] } | { readonly fault: string }

function namedExactly({ name }: Offer): Named {
  if (name === '') return { fault: 'it has no name' }
  const fault = nameFault(name)
  if (fault !== undefined) return { fault: `no rule can name it: it ${fault}` }
  return name.includes('*') ? { fault: STAR } : { patterns: [name] }
}

function namedByPatterns(patterns: readonly string[]): Named {
  for (const pattern of patterns) {
    const compiled = compileUriPattern(pattern)
    if ('reason' in compiled) return { fault: `no rule can name it: it ${compiled.reason}` }
  }
  return { patterns }
}

function namedByUri({ name }: Offer): Named {
  if (name.includes('*')) return { fault: STAR }
  return canonicalUri(name) === undefined ? { fault: NO_URI } : namedByPatterns([name])
}

/**
 * The pattern for an expression (RFC 6570). Some may be several segments, some are a query, and a
 * fragment is never sent.
 */
function patternFor(expression: string): string {
  if (/^\{[+/]/.test(expression)) return '**'
  if (expression.startsWith('{#')) return ''
  return expression.startsWith('{?') ? '?*' : '*'
}

function namedByTemplate({ name }: Offer): Named {
  const expression = /\{[^{}]*\}/g
  const outside = name.replace(expression, '')
  if (outside.includes('*')) return { fault: STAR }
  if (outside.includes('?') && name.includes('{&')) return { fault: FURTHER }
  // Adjacent stars would have another meaning.
  const write = (text: string) => text.replace(expression, patternFor).replace(/\*{2,}/g, '**')
  const withQuery = write(name)
  // All variables of a query may be left out. Then there is no query.
  const isOptional = name.includes('{?') && !outside.includes('?')
  return namedByPatterns(
    isOptional ? [write(name.replace(/\{[?&][^{}]*\}/g, '')), withQuery] : [withQuery],
  )
}

function describe({ title, description }: Offer): string {
  const texts = [title, description]
    .filter((text) => text !== undefined)
    .map((text) => inOneLine(text))
  return inOneLine([...new Set(texts)].filter((text) => text !== '').join(': '))
}

interface Listed {
  readonly offer: Offer
  readonly pattern: string
}

/** The lines of a list within a rule, each with what the server says about the entry. */
function itemLines(listed: readonly Listed[], note: (offer: Offer) => string): readonly string[] {
  return listed.map(({ offer, pattern }) => {
    const text = inOneLine(
      [note(offer), describe(offer)].filter((each) => each !== '').join('; '),
      110,
    )
    return `      - ${scalarOf(pattern)}${text === '' ? '' : ` # ${text}`}`
  })
}

function ruleLines(
  subject: string,
  listed: readonly Listed[],
  scope: string,
  note: (offer: Offer) => string = () => '',
): readonly string[] {
  if (listed.length === 0) return []
  return [`  - ${subject}:`, ...itemLines(listed, note), `    scopes: [${scope}]`]
}

function commented(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  #${line.slice(1)}`)
}

function comments(indent: string, ...texts: readonly string[]): readonly string[] {
  return texts.map((text) => `${indent}# ${text}`)
}

function hintOf({ isReadOnly, isDestructive }: Offer): string {
  if (isReadOnly && isDestructive) return 'hints contradict each other'
  if (isReadOnly) return 'readOnlyHint'
  return isDestructive ? 'destructiveHint' : ''
}

interface Section {
  readonly listed: readonly Listed[]
  readonly leftOut: readonly string[]
}

function sort(offers: readonly Offer[], nameOf: (offer: Offer) => Named): Section {
  const listed: Listed[] = []
  const leftOut: string[] = []
  for (const offer of offers) {
    const named = nameOf(offer)
    if ('patterns' in named) {
      for (const pattern of named.patterns) listed.push({ offer, pattern })
    } else leftOut.push(`  # left out: ${shownScalar(offer.name)}: ${named.fault}`)
  }
  const first = new Map<string, Listed>()
  for (const each of listed) if (!first.has(each.pattern)) first.set(each.pattern, each)
  return { listed: [...first.values()], leftOut }
}

const HEAD = [
  'A first policy, written by `mcp-gatehouse policy init`. Nobody has reviewed it yet:',
  'read it, remove what nobody may use, and give the rest the scopes of your identity provider.',
  'Every rule that matches adds its scopes. What no rule names is denied.',
]
const TOOLS = [
  'All tools. The text of a comment after a name comes from the server, and may be wrong.',
]
const HINTED = [
  'A suggestion: these tools say that they only read (readOnlyHint). Nothing proves it: a person has to',
  'confirm each. Then remove "# " from these lines, and the tool from the rule above, which requires more.',
]

/** A policy that `policy check` accepts, with line breaks at its ends. */
export function writeStarter({ server, tools, prompts, resources, templates }: Inventory): string {
  const ofTools = sort(tools, namedExactly)
  const ofPrompts = sort(prompts, namedExactly)
  const ofResources = sort(resources, namedByUri)
  const ofTemplates = sort(templates, namedByTemplate)
  const readers = ofTools.listed.filter(({ offer }) => offer.isReadOnly && !offer.isDestructive)
  const sections = [
    [...comments('  ', ...TOOLS), ...ruleLines('tools', ofTools.listed, 'mcp:write', hintOf)],
    readers.length === 0
      ? []
      : [...comments('  ', ...HINTED), ...commented(ruleLines('tools', readers, 'mcp:read'))],
    ofTools.leftOut,
    ruleLines('prompts', ofPrompts.listed, 'mcp:read'),
    ofPrompts.leftOut,
    ruleLines('resources', ofResources.listed, 'mcp:read'),
    ofResources.leftOut,
    ofTemplates.listed.length === 0
      ? []
      : [
          ...comments(
            '  ',
            'Templates: * matches within one segment of a URI, ** any number of segments.',
          ),
          ...ruleLines('resources', ofTemplates.listed, 'mcp:read'),
        ],
    ofTemplates.leftOut,
    [
      ...comments(
        '  ',
        'Other kinds of rules: for roles in the token, which no scope replaces, and for methods.',
      ),
      '  # - tools: [deploy]',
      '  #   claims: { realm_access.roles: [ops] }',
      '  # - methods: [logging/setLevel]',
      '  #   scopes: [mcp:admin]',
    ],
  ].filter((lines) => lines.length > 0)
  const hasRules = [ofTools, ofPrompts, ofResources, ofTemplates].some(
    ({ listed }) => listed.length > 0,
  )
  const shown = ofTools.listed.length > 0 ? sections : sections.slice(1)
  return `${[
    ...comments('', ...HEAD, `The server: ${server}`),
    '',
    ...comments('', 'A token with the greater scope has the lesser scope, too.'),
    'implies:',
    '  mcp:write: [mcp:read]',
    '',
    hasRules ? 'rules:' : 'rules: []',
    shown.map((lines) => lines.join('\n')).join('\n\n'),
    '',
    ...comments('', 'deny: what no rule names is denied. base: the base scopes suffice for it.'),
    'unmatched: deny',
    ...comments('', 'filter: lists show what a token may use. full: as the server says.'),
    'lists: filter',
  ].join('\n')}\n`
}
