/** The generated part of `docs/clients.md`: the two tables of clients, as a page. */
import type { Fact } from '../../src/advice/clients.js'
import type { Deployment, Paste } from '../../src/advice/client-setup.js'
import { KNOWN_CLIENTS, pageOf, type KnownClient } from '../../src/cli/clients/page.js'

const DEPLOYMENT: Deployment = {
  url: 'https://mcp.example.com/mcp',
  name: 'mcp-example-com',
  clientId: undefined,
  scopes: [],
}

const UNKNOWN = 'not known'

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/<([^>]*)>/g, '`<$1>`')
}

function yesOrNo({ value }: Fact<boolean>): string {
  if (value === undefined) return UNKNOWN
  return value ? 'yes' : 'no'
}

const WAYS = { cimd: 'CIMD', dcr: 'RFC 7591', manual: 'typed' } as const
const PKCE = {
  advertised: 'S256 must be advertised',
  'not excluded': 'refuses only a list without S256',
} as const
const RULES = {
  equal: 'equal, as texts',
  prefix: 'same origin, prefix of the path',
  related: 'compared; the rule is not known',
} as const

/** The first and the last day on which something about it was read. */
function datesOf(known: KnownClient): string {
  const { sources } = pageOf(known, DEPLOYMENT)
  const days = sources.map((source) => /\((\S+)\)$/.exec(source)?.[1] ?? '').sort()
  return [...new Set([days[0], days.at(-1)])].join(' to ')
}

function matrixRow(known: KnownClient): string {
  const { client } = known
  const { registration, pkce, resourceRule, sendsResource, isHosted } = client
  const cells = [
    `[${client.title}](#${anchorOf(client.title)})`,
    registration.value?.map((way) => WAYS[way]).join(', ') ?? UNKNOWN,
    pkce.value === undefined ? UNKNOWN : PKCE[pkce.value],
    yesOrNo(sendsResource),
    resourceRule.value === undefined ? UNKNOWN : RULES[resourceRule.value],
    yesOrNo(isHosted),
    datesOf(known),
  ]
  return `| ${cells.map(cell).join(' | ')} |`
}

/** As GitHub makes it. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\w -]/g, '')
    .replaceAll(' ', '-')
}

function fence({ into, language, text }: Paste): string {
  // The test of the guides wants to know of every block of commands who runs it.
  const mark = language === 'sh' ? '<!-- not run here: it starts a client -->\n\n' : ''
  return `For ${into}:\n\n${mark}\`\`\`${language}\n${text}\n\`\`\``
}

function section(known: KnownClient): string {
  const { client } = known
  const { steps, paste, redirectUris, notes, sources } = pageOf(known, DEPLOYMENT)
  const facts = [
    `- Redirect URIs: ${redirectUris.map((uri) => `\`${uri}\``).join(', ') || UNKNOWN}`,
    `- Scopes: ${cell(client.scopes.value ?? UNKNOWN)}`,
    `- After a 401: ${cell(client.on401.value ?? UNKNOWN)}`,
    `- After a 403: ${cell(client.on403.value ?? UNKNOWN)}`,
    ...notes.map((note) => `- ${cell(note)}`),
  ]
  return [
    `### ${client.title}`,
    steps.map((step, index) => `${index + 1}. ${cell(step)}`).join('\n'),
    ...(paste === undefined ? [] : [fence(paste)]),
    facts.join('\n'),
    `Sources: ${sources.join('; ')}.`,
  ].join('\n\n')
}

export function clientsPage(): string {
  return [
    '| client | gets its id | PKCE | sends `resource` | compares `resource` with its URL | requests come from servers of the vendor | read |',
    '|-|-|-|-|-|-|-|',
    ...KNOWN_CLIENTS.map(matrixRow),
    '',
    KNOWN_CLIENTS.map(section).join('\n\n'),
  ].join('\n')
}
