/**
 * Uses the token as a client does: connects, lists the tools, and calls one with `--call`.
 *
 * @module
 */
import { shellWord } from '../../advice/shell-word.js'
import type { JsonObject } from '../../base/json.js'
import { quoted } from '../../errors.js'
import { McpClient } from '../policy/client.js'
import { connectHttp, NO_ENDPOINT } from '../policy/http-transport.js'
import { takeInventory, type Offer } from '../policy/inventory.js'
import { ServerFault, StatusFault } from '../policy/rpc.js'
import { inOneLine, jsonText, shownScalar } from '../policy/shown.js'
import { readChallenge } from './challenge.js'
import { Interrupted, CommandFault, withoutSecrets } from '../command-fault.js'
import type { CommandIo } from '../command-io.js'

export interface SessionOptions {
  readonly url: string
  readonly accessToken: string
  readonly ca: string | undefined
  readonly call: { readonly name: string; readonly args: JsonObject } | undefined
}

const ADVICE = { 404: NO_ENDPOINT, 405: NO_ENDPOINT }

/** A refusal of a token that was just issued, in words that lead to the reason. */
function refusalOf(url: string, { status, headers, message }: StatusFault): CommandFault {
  const { error, description, scope } = readChallenge(headers.get('www-authenticate')) ?? {}
  const said = [error, description].filter((each) => each !== undefined).join(': ')
  const id = headers.get('x-request-id')
  const where = id === null ? '' : ` (request ${quoted(id, 60).slice(1, -1)})`
  const reason = said === '' ? '' : `: ${quoted(said, 200)}`
  if (status === 401) {
    return new CommandFault(
      `${url} answered 401 after the login${reason}${where}`,
      'the identity provider issued a token that the server refuses; the exact reason is in the log of the server, ' +
        `and mcp-gatehouse explain tells it: mcp-gatehouse login ${url} --print-token | mcp-gatehouse explain`,
    )
  }
  if (status === 403 && scope !== undefined) {
    // People paste it into a shell, which would run a part of it.
    const hint = `--scope ${shellWord(quoted(scope, 200).slice(1, -1))}`
    return new CommandFault(`${url} answered 403 after the login${reason}${where}`, hint)
  }
  return new CommandFault(`${url} ${message}${reason}${where}`, 'the log of the server says more')
}

function faultOf(
  { url, accessToken }: SessionOptions,
  error: unknown,
  signal: AbortSignal,
): unknown {
  if (signal.aborted) return new Interrupted()
  if (!(error instanceof ServerFault)) return error
  const { message, hint } =
    error instanceof StatusFault
      ? refusalOf(url, error)
      : new CommandFault(`${url} ${error.message}`, 'the login itself succeeded')
  const clean = (text: string) => withoutSecrets(text, [accessToken])
  return new CommandFault(clean(message), clean(hint))
}

function lineOf({ name, title, description }: Offer, width: number): string {
  const about = inOneLine(title ?? description ?? '', 80)
  return `${shownScalar(name, 60).padEnd(width)}  ${about}`.trimEnd()
}

/**
 * Prints the tools, or the result of the call.
 *
 * @returns the exit code: 1 when the tool reports an error
 * @throws {CommandFault}
 */
export async function useToken(
  options: SessionOptions,
  { stdout, stderr, env }: CommandIo,
  signal: AbortSignal,
): Promise<number> {
  const { url, accessToken, ca, call } = options
  const headers = { authorization: `Bearer ${accessToken}` }
  const transport = connectHttp({
    url,
    headers,
    ca,
    proxyEnvironment: env,
    signal,
    advice: ADVICE,
  })
  const client = new McpClient(transport, signal)
  try {
    const { server, tools } = await takeInventory(client, ['tools'])
    stderr(`${server}: ${tools.length} ${tools.length === 1 ? 'tool' : 'tools'}\n`)
    if (call === undefined) {
      const names = tools.map(({ name }) => shownScalar(name, 60).length)
      const width = Math.max(0, ...names)
      for (const tool of tools) stdout(`${lineOf(tool, width)}\n`)
      return 0
    }
    const params = { name: call.name, arguments: call.args }
    const result = await client.request('tools/call', params)
    stdout(jsonText(result))
    return result['isError'] === true ? 1 : 0
  } catch (error) {
    throw faultOf(options, error, signal)
  } finally {
    await transport.close()
  }
}
