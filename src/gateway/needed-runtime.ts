/**
 * Which programs can run the gateway.
 *
 * @module
 */

/** The first version in which everything that we use is there. */
const NODE = [20, 19] as const

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major < NODE[0] || (major === NODE[0] && minor < NODE[1])
}

/**
 * Why this program cannot run the gateway, with what can; `undefined` if it can.
 *
 * @param versions `process.versions`
 */
export function runtimeFault(
  versions: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const needed = `Node ${NODE.join('.')} or later`
  const { bun, node = '' } = versions
  if (bun !== undefined) {
    return `the gateway needs ${needed}: this is Bun ${bun}, whose HTTP client cannot forward. The library's entries for Hono and fetch run on Bun`
  }
  return isOlder(node) ? `the gateway needs ${needed}: this is Node ${node}` : undefined
}
