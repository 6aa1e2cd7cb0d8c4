/**
 * Lists everything that a live server offers.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { isJsonObject } from '../../base/json.js'
import { textIn, type McpClient } from './client.js'
import { RpcFault, ServerFault } from './rpc.js'
import { inOneLine } from './shown.js'

/**
 * A tool, prompt, resource or template, with what the server says about it. Nothing proves that it
 * is true.
 */
export interface Offer {
  /** For a resource its URI, for a template its URI template. */
  readonly name: string
  readonly title: string | undefined
  readonly description: string | undefined
  readonly isReadOnly: boolean
  readonly isDestructive: boolean
}

export interface Inventory {
  /** The server's name for itself. */
  readonly server: string
  /** The protocol revision that it chose; `undefined` for a server without sessions. */
  readonly revision?: string | undefined
  readonly tools: readonly Offer[]
  readonly prompts: readonly Offer[]
  readonly resources: readonly Offer[]
  readonly templates: readonly Offer[]
  /** Entries without a name: nobody can use them. */
  readonly nameless: number
}

const METHOD_NOT_FOUND = -32_601
/** The limit for one list: a server could send pages for ever. */
const MAX_OFFERS = 100_000
const MAX_PAGES = 100_000
/** The limit for names, titles and descriptions of one list together. */
const MAX_CHARACTERS = 16 * 2 ** 20

interface Kind {
  readonly list: 'tools' | 'prompts' | 'resources' | 'templates'
  readonly capability: string
  readonly method: string
  /** The member of the result that holds the list. */
  readonly member: string
  /** The member of an entry that holds its name. */
  readonly name: string
}

const KINDS: readonly Kind[] = [
  {
    list: 'tools',
    capability: 'tools',
    method: 'tools/list',
    member: 'tools',
    name: 'name',
  },
  {
    list: 'prompts',
    capability: 'prompts',
    method: 'prompts/list',
    member: 'prompts',
    name: 'name',
  },
  {
    list: 'resources',
    capability: 'resources',
    method: 'resources/list',
    member: 'resources',
    name: 'uri',
  },
  {
    list: 'templates',
    capability: 'resources',
    method: 'resources/templates/list',
    member: 'resourceTemplates',
    name: 'uriTemplate',
  },
]

/** A cursor may be as long as a message. */
function digestOf(cursor: unknown): string {
  return createHash('sha256').update(JSON.stringify(cursor)).digest('base64')
}

function readOffer(entry: unknown, kind: Kind): Offer | undefined {
  if (!isJsonObject(entry)) return undefined
  const name = entry[kind.name]
  if (typeof name !== 'string') return undefined
  const annotations = isJsonObject(entry['annotations']) ? entry['annotations'] : {}
  const own = kind.name === 'name' ? undefined : textIn(entry, 'name')
  return {
    name,
    title: textIn(entry, 'title') ?? textIn(annotations, 'title') ?? own,
    description: textIn(entry, 'description'),
    isReadOnly: annotations['readOnlyHint'] === true,
    isDestructive: annotations['destructiveHint'] === true,
  }
}

/** The pages of a list. They are not kept: each may be as large as a message. */
async function* pagesOf(
  client: McpClient,
  { method, member }: Kind,
): AsyncGenerator<readonly unknown[]> {
  const seen = new Set<unknown>()
  let cursor: unknown
  for (;;) {
    const page = await client.request(method, cursor === undefined ? {} : { cursor })
    const entries = page[member]
    if (!Array.isArray(entries)) throw new ServerFault(`answered ${method} without a list`)
    yield entries
    cursor = page['nextCursor'] ?? undefined
    if (cursor === undefined) return
    const digest = digestOf(cursor)
    if (seen.size > MAX_PAGES || seen.has(digest)) throw endless(method)
    seen.add(digest)
  }
}

function endless(method: string): ServerFault {
  return new ServerFault(`sends pages of ${method} without end`)
}

/** The entries of one list, read page by page. Only a few texts of each entry are kept. */
class Offers {
  readonly #kind: Kind
  readonly #byName = new Map<string, Offer>()
  #entries = 0
  #characters = 0
  #nameless = 0

  constructor(kind: Kind) {
    this.#kind = kind
  }

  get all(): readonly Offer[] {
    return [...this.#byName.values()]
  }

  get nameless(): number {
    return this.#nameless
  }

  add(entry: unknown): void {
    const { method } = this.#kind
    if (++this.#entries > MAX_OFFERS) throw endless(method)
    const offer = readOffer(entry, this.#kind)
    if (offer === undefined) {
      this.#nameless++
      return
    }
    const { name, title = '', description = '' } = offer
    this.#characters += name.length + title.length + description.length
    if (this.#characters > MAX_CHARACTERS) {
      throw new ServerFault(`answered ${method} with names of more than 16 MiB`)
    }
    this.#byName.set(name, offer)
  }
}

const ALL_LISTS = KINDS.map(({ list }) => list)

/**
 * Requests the lists that the server has.
 *
 * @param wanted the lists to request; the others stay empty
 * @throws {ServerFault}
 */
export async function takeInventory(
  client: McpClient,
  wanted: readonly Kind['list'][] = ALL_LISTS,
): Promise<Inventory> {
  const { capabilities, serverInfo, protocolVersion } = await client.open()
  const lists: Record<Kind['list'], readonly Offer[]> = {
    tools: [],
    prompts: [],
    resources: [],
    templates: [],
  }
  let nameless = 0
  for (const kind of KINDS.filter(({ list }) => wanted.includes(list))) {
    if (!isJsonObject(capabilities) || !isJsonObject(capabilities[kind.capability])) continue
    const offers = new Offers(kind)
    try {
      for await (const page of pagesOf(client, kind)) for (const entry of page) offers.add(entry)
    } catch (error) {
      // Templates have no capability of their own.
      if (!(error instanceof RpcFault) || error.code !== METHOD_NOT_FOUND) throw error
    }
    nameless += offers.nameless
    lists[kind.list] = offers.all
  }
  const info = isJsonObject(serverInfo) ? serverInfo : {}
  const server = [textIn(info, 'name') ?? 'a server', textIn(info, 'version') ?? '']
  const revision = typeof protocolVersion === 'string' ? inOneLine(protocolVersion) : undefined
  return { ...lists, nameless, server: inOneLine(server.join(' ')), revision }
}
