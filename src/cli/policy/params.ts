/**
 * The parameters of a request, by its method and the name that it is about.
 *
 * @module
 */
import { canonicalUri } from '../../mcp/resource-uri.js'

const MEMBER_OF: ReadonlyMap<string, 'name' | 'uri'> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['resources/subscribe', 'uri'],
  ['resources/unsubscribe', 'uri'],
])

export type Params = Readonly<Record<string, unknown>>

/** The parameters that a client would send. A text is the problem with the arguments. */
export function paramsOf(method: string, name: string | undefined): Params | string {
  const member = MEMBER_OF.get(method)
  if (member !== undefined || method === 'completion/complete') {
    if (name === undefined) return 'is missing'
    if (member !== undefined) return { [member]: name }
    const isUri = canonicalUri(name) !== undefined
    return { ref: isUri ? { type: 'ref/resource', uri: name } : { type: 'ref/prompt', name } }
  }
  if (name === undefined) return {}
  if (method !== 'subscriptions/listen') return `has no effect: ${method} takes no name`
  return { notifications: { resourceSubscriptions: [name] } }
}
