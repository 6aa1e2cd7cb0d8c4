/**
 * The servers that `clients` is about: a URL, or what the configuration of the gateway says.
 *
 * @module
 */
import type { ConfigurationProblem } from '../../errors.js'
import { isLoopbackHost, parseHttpUrl } from '../../base/http.js'
import type { Configuration } from '../../config/configuration.js'
import { readConfiguration } from '../../config/read-configuration.js'
import type { ConfiguredResource } from '../../config/resources.js'
import type { ReadFile } from '../../config/named-file.js'
import type { Deployment } from '../../advice/client-setup.js'

/** What clients call a server: its host, in letters, digits and hyphens. */
function nameOf(url: string): string {
  const { hostname } = new URL(url)
  if (isLoopbackHost(hostname)) return 'mcp-server'
  return hostname.replace(/[^a-z\d]+/g, '-').replace(/^-|-$/g, '')
}

/** Whether a text is the URL of an MCP server. */
export function isServerUrl(text: string): boolean {
  const url = parseHttpUrl(text)
  return url !== undefined && url.username === '' && url.hash === ''
}

function deploymentOf(
  { settings }: ConfiguredResource,
  clientId: string | undefined,
): Deployment | undefined {
  const { resource: url, oauth } = settings
  if (url === undefined) return undefined
  return { url, name: nameOf(url), clientId, scopes: oauth.scopes ?? [] }
}

const MISSING: ConfigurationProblem = {
  path: 'URL',
  message: 'is missing, and no configuration names a resource',
  hint: 'mcp-gatehouse clients https://mcp.example.com/mcp, or --config FILE',
}

interface Input {
  /** `undefined`: the configuration says it. */
  readonly url: string | undefined
  readonly clientId: string | undefined
  /** The arguments that are settings of the gateway. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly readFile: ReadFile
}

/** At least one, or all problems. */
export async function readDeployments({
  url,
  clientId,
  argv,
  env,
  readFile,
}: Input): Promise<readonly Deployment[] | { readonly problems: Configuration['problems'] }> {
  if (url !== undefined) return [{ url, name: nameOf(url), clientId, scopes: [] }]
  const { resources, problems } = await readConfiguration({ argv, env, readFile })
  const found = resources.flatMap((resource) => deploymentOf(resource, clientId) ?? [])
  // Without a resource, other problems lead away from the cause.
  if (found.length === 0) return { problems: [MISSING] }
  return problems.length > 0 ? { problems } : found
}
