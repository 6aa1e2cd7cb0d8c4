/**
 * Logs in without a person, for `mcp-gatehouse login --headless`. It fills in the forms of this demo, or of a Keycloak that
 * was set up as in its guide, and returns to the client.
 *
 *     mcp-gatehouse login URL --headless "node --import tsx examples/demo/headless.ts"
 */
import { visit } from './browser.js'

const [url] = process.argv.slice(2)
if (url === undefined) {
  console.error('headless.ts URL: the URL of the login is missing')
  process.exit(2)
}
const { callback } = await visit(new URL(url), process.env['LOGIN_USER'] ?? 'alice')
const { status } = await fetch(callback)
if (status !== 200) throw new Error(`the client answered ${status}`)
