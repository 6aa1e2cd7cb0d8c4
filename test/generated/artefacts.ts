/** What is generated: the tables of settings, the help texts, the hints, and the JSON schema of the config file. */
import { format, resolveConfig } from 'prettier'
import { ANY_PROVIDER, PROVIDERS, type Hint } from '../../src/advice/identity-providers.js'
import { EXPLAIN_HELP } from '../../src/cli/explain/help.js'
import { SPELLINGS, USAGE } from '../../src/cli/help.js'
import { clientsHelp } from '../../src/cli/clients/help.js'
import { keyHelp } from '../../src/cli/key/help.js'
import { registerHelp } from '../../src/cli/clients/register/help.js'
import { doctorHelp } from '../../src/cli/doctor/help.js'
import { loginHelp } from '../../src/cli/login/help.js'
import { policyHelp } from '../../src/cli/policy/help.js'
import { flagOf, memberOf } from '../../src/config/names.js'
import {
  FILE_ISSUER_SETTINGS,
  FILE_RESOURCE_SETTINGS,
  FILE_SETTINGS,
  ISSUER,
  RESOURCES,
  SETTINGS,
} from '../../src/config/setting-lists.js'
import { requirementOf, SECTIONS, type Setting } from '../../src/config/setting.js'
import { apiPage } from './api-page.js'
import { clientsPage } from './clients-page.js'

/** Where the options of a group stand. The options of the other groups stand at the top. */
const PLACES: Readonly<Record<string, string>> = {
  issuer: 'authorizationServers[].',
  asked: 'authorizationServers[].',
  introspector: 'introspector.',
  children: 'children.',
}

/** The option that a setting becomes in a program. */
function optionOf({ becomes }: Setting): string {
  if (becomes === undefined) return '–'
  const [group = '', name] = becomes.split('.')
  return `\`${PLACES[group] ?? ''}${name}\``
}

function row(setting: Setting): string {
  const { path, kind, placeholder, description } = setting
  const usage = `\`${flagOf(path)}${placeholder === '' ? '' : ` ${placeholder}`}\``
  const repeatable = kind === 'list' ? ' (repeatable)' : ''
  const fallback = setting.default ?? requirementOf(setting) ?? '–'
  const cells = [usage + repeatable, fallback, description, optionOf(setting)]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

const COLUMNS_OF_TABLE = ['| setting | default | meaning | option |', '|-|-|-|-|']

/** As a config file writes them, because they have no flag. */
function memberRow(setting: Setting): string {
  const { path, description, default: fallback = '–' } = setting
  const cells = [`\`${memberOf(path)}\``, fallback, description.replaceAll('|', '\\|')]
  return `| ${[...cells, optionOf(setting)].join(' | ')} |`
}

/** What an issuer in the list of a config file may have. */
function issuerSettings(): string {
  const [alone, shared] = [false, true].map((hasFlag) =>
    FILE_ISSUER_SETTINGS.filter((setting) => SETTINGS.includes(setting) === hasFlag),
  )
  const names = shared?.map(({ path }) => `\`${memberOf(path)}\``).join(', ')
  return [
    '## One of several issuers',
    '',
    'Each entry of `oauth.issuers` in a config file has an `issuer`. These settings exist only there:',
    '',
    ...COLUMNS_OF_TABLE,
    ...(alone ?? []).map(memberRow),
    '',
    `An entry may also have its own ${names}.`,
  ].join('\n')
}

function tables(): string {
  const sections = SECTIONS.map((section) => {
    const rows = SETTINGS.filter((setting) => setting.section === section).map(row)
    return [`## ${section}`, '', ...COLUMNS_OF_TABLE, ...rows].join('\n')
  })
  return [...sections, issuerSettings()].join('\n\n')
}

async function formatted(text: string, file: string): Promise<string> {
  return format(text, { ...(await resolveConfig(import.meta.filename)), filepath: file })
}

/** The help texts. The settings are on their own page. */
function helpTexts(): string {
  const policies = ([undefined, 'init', 'check', 'table', 'explain', 'replay'] as const).map(
    (command) => [['policy', command].filter(Boolean).join(' '), policyHelp(command)] as const,
  )
  return [
    ['serve and check', `${USAGE}\n${SPELLINGS}`] as const,
    ['explain', EXPLAIN_HELP] as const,
    ...policies,
    ['doctor', doctorHelp()] as const,
    ['login', loginHelp()] as const,
    ['clients', clientsHelp()] as const,
    ['clients register', registerHelp()] as const,
    ['key', keyHelp()] as const,
  ]
    .map(([name, text]) => `## ${name}\n\n\`\`\`text\n${text.trimEnd()}\n\`\`\``)
    .join('\n\n')
}

const NAMES_OF_TOPICS: Readonly<Record<string, string>> = {
  'at+jwt required': '--oauth-require-type',
  'client as audience': '--oauth-audience-claim',
  'sole audience': '--oauth-sole-audience',
  'last slash of the audience': 'ERR_TOKEN_AUDIENCE (last slash)',
}

/** Tokens about which hints differ: an access token that looks like an ID token, and any other. */
const TOKENS = [
  { token: 'authelia_at_', claims: { at_hash: '' } },
  { token: '', claims: {} },
] as const

/** The texts that a hint can have. */
function textsOf(hint: Hint): readonly string[] {
  if (typeof hint === 'string') return [hint]
  const clock = { ahead: 0, tolerance: 0 }
  const texts = TOKENS.map((each) => hint({ ...each, missing: [], clock }))
  return [...new Set(texts)].filter((text) => text !== undefined)
}

/** The hints of the log, below the name with which those of a provider begin. */
function hintsByProvider(): string {
  const providers = PROVIDERS.map(({ hints }) => {
    const [text = ''] = Object.values(hints).flatMap(textsOf)
    return [text.split(': ')[0] ?? '', hints] as const
  })
  return [...providers, ['Any other provider', ANY_PROVIDER] as const]
    .map(([name, hints]) => {
      const rows = Object.entries(hints).flatMap(([topic, hint]) =>
        textsOf(hint).map((text) => {
          const advice = text.replace(`${name}: `, '')
          return `- \`${NAMES_OF_TOPICS[topic] ?? topic}\`: ${advice}`
        }),
      )
      return [`### ${name}`, '', ...rows].join('\n')
    })
    .join('\n\n')
}

/** The generated part of each page of `docs` that has one. It stands between two comments. */
const GENERATED = {
  settings: tables,
  commands: helpTexts,
  troubleshooting: hintsByProvider,
  clients: clientsPage,
  api: apiPage,
}

type GeneratedPage = keyof typeof GENERATED

export const GENERATED_PAGES = Object.keys(GENERATED) as readonly GeneratedPage[]

/** The page with its generated part as it must be. */
export async function regenerate(name: GeneratedPage, page: string): Promise<string> {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const start = page.indexOf(open)
  const end = page.indexOf(close)
  if (start < 0 || end < start) throw new Error(`docs/${name}.md needs ${open} and ${close}`)
  const parts = [page.slice(0, start + open.length), GENERATED[name](), page.slice(end)]
  return formatted(parts.join('\n\n'), `${name}.md`)
}

function propertyOf(setting: Setting): object {
  const { description, fixedDefault } = setting
  const note = fixedDefault === undefined ? setting.default : undefined
  return {
    ...propertyWithoutDefault(setting),
    ...(note !== undefined && { description: `${description} (default: ${note})` }),
    ...(fixedDefault !== undefined && { default: fixedDefault }),
  }
}

function propertyWithoutDefault({ kind, description, json }: Setting): object {
  const isList = kind === 'list' || kind === 'words'
  return {
    description,
    ...(isList ? { anyOf: [json, { type: 'array', minItems: 1, items: json }] } : json),
  }
}

/** `oauth.issuers`: each with what is its own. */
function listOfIssuers(): object {
  const issuer = FILE_SETTINGS.filter(({ path }) => path === ISSUER).map((setting) => [
    'issuer',
    { description: setting.description, ...setting.json },
  ])
  // Where there is none of its own, that of all issuers holds, and no default.
  const own = FILE_ISSUER_SETTINGS.map((setting) => [
    memberOf(setting.path),
    propertyWithoutDefault(setting),
  ])
  return {
    description: 'instead of issuer: several, each with settings of its own',
    type: 'array',
    minItems: 1,
    items: { ...objectOf(Object.fromEntries([...issuer, ...own])), required: ['issuer'] },
  }
}

function objectOf(properties: Readonly<Record<string, object>>): object {
  return { type: 'object', additionalProperties: false, properties }
}

/** The settings by group, with the list of issuers among them. */
function propertiesOf(
  settings: readonly Setting[],
  toProperty: (setting: Setting) => object,
): Record<string, object> {
  const groups = new Map<string, Record<string, object>>()
  const root: Record<string, object> = {}
  for (const setting of settings) {
    const [name = '', member] = setting.path.split('.')
    if (member === undefined) root[name] = toProperty(setting)
    else {
      const group = groups.get(name) ?? {}
      groups.set(name, group)
      group[member] = toProperty(setting)
      if (setting.path === ISSUER) group['issuers'] = listOfIssuers()
      root[name] = { description: `Settings --${name}-…`, ...objectOf(group) }
    }
  }
  return root
}

/** `resources`: each with what is its own. Where there is none, that of all resources holds, and no default. */
function listOfResources(): object {
  const own = propertiesOf(FILE_RESOURCE_SETTINGS, propertyWithoutDefault)
  return {
    description: 'instead of resource and upstream: several, each with settings of its own',
    type: 'array',
    minItems: 1,
    items: { ...objectOf(own), required: ['resource'] },
  }
}

/** The schema of the config file, for editors. */
export async function jsonSchema(): Promise<string> {
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Configuration of mcp-gatehouse',
    ...objectOf({
      $schema: { type: 'string' },
      ...propertiesOf(FILE_SETTINGS, propertyOf),
      [RESOURCES]: listOfResources(),
    }),
  }
  return formatted(JSON.stringify(schema), 'gatehouse.schema.json')
}
