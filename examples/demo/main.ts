/**
 * `npm start`: an identity provider, a protected MCP server and a client, all real, all in this
 * process, on loopback. `--once` ends after the walk, with exit code 0 only if every step did as it should.
 */
import './needed-node.js'
import { parseArgs } from 'node:util'
import type { RequestDenied } from 'mcp-gatehouse'
import { examine } from './doctor.js'
import { READ, startGateway, WRITE, type RunningGateway } from './gateway.js'
import { startIdp } from './idp.js'
import { PORTS } from './ports.js'
import { OTHER_SCOPE, refuse, refusedAttempts } from './refusals.js'
import { Report, styleOf } from './say.js'
import { secondAct } from './second-act.js'
import { SCOPE, startServer } from './server.js'
import { walk } from './walk.js'

function parseFlags(): { readonly once: boolean } {
  try {
    const { values } = parseArgs({ options: { once: { type: 'boolean', default: false } } })
    return values
  } catch (error) {
    console.error(
      `${error instanceof Error ? error.message : 'bad usage'}\nusage: npm start [-- --once]`,
    )
    process.exit(2)
  }
}

const { once } = parseFlags()
const report = new Report(console.log, styleOf(process.stdout, process.env))
const denials: RequestDenied[] = []
let onDenied = (event: RequestDenied): void => void denials.push(event)

const idp = await startIdp([SCOPE, OTHER_SCOPE, READ, WRITE], {}, PORTS.idp)
const server = await startServer(idp.issuer, (event) => {
  if (event.type === 'request.denied') onDenied(event)
})
idp.resources.set(server.url, { scope: SCOPE })

let gateway: RunningGateway | undefined
let isInterrupted = false
async function stop(): Promise<void> {
  await Promise.all([gateway?.stop(), server.stop(), idp.stop()])
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    isInterrupted = true
    // With --once the walk was asked for, and it is not complete.
    const code = once || report.failed > 0 ? 1 : 0
    void stop().then(() => process.exit(code))
  })
}

console.log(`identity provider  ${idp.issuer}\nMCP server         ${server.url}`)
try {
  report.heading('The way in')
  const token = await walk({ issuer: idp.issuer, url: server.url }, report)
  report.heading('Who stays outside')
  await refuse(server.url, await refusedAttempts(idp, token), denials, report)
  report.heading('A command behind the gateway, with a policy')
  gateway = await startGateway(idp.issuer)
  idp.resources.set(gateway.url, { scope: `${READ} ${WRITE}` })
  report.command(gateway.commandLine)
  await secondAct(gateway, report)
  await examine(gateway.url, report)
} catch (error) {
  // Servers that end fail what is under way.
  if (!isInterrupted) {
    report.failure(`the walk stopped: ${error instanceof Error ? error.message : String(error)}`)
  }
}

if (!isInterrupted) {
  const { steps, failed } = report
  console.log(failed === 0 ? `\nAll ${steps} steps did what they should.` : `\n✗ ${failed} failed.`)
  if (once) {
    console.log(
      'npm start keeps it running for a client of yours. README shows how to protect your own server.',
    )
    await stop()
    process.exitCode = failed === 0 ? 0 : 1
  } else {
    onDenied = ({ status, code, reason }) => console.log(`refused ${status}  ${code}: ${reason}`)
    console.log(`
Now with a client of yours. The login takes any name; what is refused is printed here, with the reason.

  Claude Code     claude mcp add --transport http gatehouse-demo ${server.url}
  VS Code         .vscode/mcp.json: {"servers":{"gatehouse-demo":{"type":"http","url":"${server.url}"}}}
  MCP Inspector   npx @modelcontextprotocol/inspector, transport Streamable HTTP, URL ${server.url}

Ctrl-C ends it.`)
  }
}
