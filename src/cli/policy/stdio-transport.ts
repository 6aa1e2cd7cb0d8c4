/**
 * Messages to and from a command that speaks stdio.
 *
 * @module
 */
import { Child } from '../../gateway/stdio/child.js'
import { withHint } from '../../gateway/stdio/withheld-variables.js'
import { isJsonObject, type JsonObject } from '../../base/json.js'
import { answerTo, MAX_MESSAGE, ServerFault, type Transport } from './rpc.js'

/** Characters of stderr in which we look for names of variables. */
const MOST_SAID = 4_000

function parse(line: Buffer): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(line.toString('utf8'))
    // Commands write log lines in JSON too.
    return isJsonObject(value) && value['jsonrpc'] === '2.0' ? value : undefined
  } catch {
    return undefined
  }
}

/**
 * @param onLogLine gets each line that the command writes to stderr
 * @param hintFor tells what the command may have lacked, from what it wrote to stderr before it ended
 */
export function startCommand(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
  onLogLine: (line: string) => void,
  hintFor: (said: string) => string | undefined,
): Transport {
  const waiting = new Map<unknown, (message: JsonObject | ServerFault) => void>()
  let fault: ServerFault | undefined
  let hasAnswered = false
  let said = ''
  const fail = (reason: string) => {
    fault ??= new ServerFault(reason)
    for (const settle of waiting.values()) settle(fault)
  }
  const write = (message: JsonObject) => child.write(Buffer.from(JSON.stringify(message)))
  const child: Child = new Child(command, environment, MAX_MESSAGE, {
    onLine(line) {
      const message = parse(line)
      if (message === undefined) return
      if (message['method'] === undefined) {
        hasAnswered = true
        waiting.get(message['id'])?.(message)
      }
      // If a command asks without reading, we do not buffer answers for it.
      else if (message['id'] !== undefined && child.unread < MAX_MESSAGE) write(answerTo(message))
    },
    onTooLong: () => fail('wrote a message that is too long'),
    onStderr(line) {
      onLogLine(line)
      if (!hasAnswered && said.length < MOST_SAID) said += `${line}\n`
    },
    onEnd: (reason) => fail(hasAnswered ? reason : withHint(reason, hintFor(said))),
  })

  return {
    async request(message) {
      if (fault !== undefined) throw fault
      const { id } = message
      write(message)
      const answer = await new Promise<JsonObject | ServerFault>((settle) => {
        waiting.set(id, settle)
      })
      waiting.delete(id)
      if (answer instanceof ServerFault) throw answer
      return answer
    },
    notify(message) {
      write(message)
      return Promise.resolve()
    },
    setVersion: () => undefined,
    close: () => child.stop(),
  }
}
