/**
 * Which programs can run the gateway and the other commands.
 *
 * @module
 */

/** The first version in which everything that we use is there. */
const NODE = [20, 19] as const

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major < NODE[0] || (major === NODE[0] && minor < NODE[1])
}

const NEEDED = `Node ${NODE.join('.')} or later`

type Versions = Readonly<Record<string, string | undefined>>

/**
 * Why this Node cannot run any command, with what can; `undefined` if it can.
 *
 * @param versions `process.versions`
 */
export function nodeFault({ node = '' }: Versions): string | undefined {
  return isOlder(node) ? `mcp-gatehouse needs ${NEEDED}: this is Node ${node}` : undefined
}

/**
 * Why this program cannot run the gateway, with what can; `undefined` if it can.
 *
 * @param versions `process.versions`
 */
export function runtimeFault(versions: Versions): string | undefined {
  const { bun } = versions
  return bun === undefined
    ? nodeFault(versions)
    : `the gateway needs ${NEEDED}: this is Bun ${bun}, whose HTTP client cannot forward. The library's entries for Hono and fetch run on Bun`
}
