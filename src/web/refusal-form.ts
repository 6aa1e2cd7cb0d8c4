/**
 * How a client hears that a tool needs a login or a scope: by the status of HTTP, or by the result of
 * the tool. Claude reacts to HTTP 401 and 403 alone, ChatGPT to a result alone (both as documented
 * and reported up to 2026-12-01).
 *
 * @module
 */
import { isStateless } from '../mcp/protocol-revision.js'
import type { RpcMessage } from '../mcp/message.js'
import { parseJsonObject } from '../base/json.js'
import { answerHeaders, type Denied } from '../rs/decision.js'
import type { AnsweredRequest, Answers, GuardAnswer } from './answers.js'

/** `auto`: by the client, where it is known to need a result; else by the status of HTTP. */
export const REFUSAL_FORMS = ['http', 'tool-result', 'auto'] as const
export type RefusalForm = (typeof REFUSAL_FORMS)[number]

/** Why a value is no form; `undefined` if it is one. */
export function formFault(value: unknown): string | undefined {
  const isForm = (REFUSAL_FORMS as readonly unknown[]).includes(value)
  return isForm ? undefined : `must be ${REFUSAL_FORMS.join(' or ')}`
}

/** The parts of a request that the form depends on. */
export interface FormedRequest extends AnsweredRequest {
  /** `MCP-Protocol-Version`. */
  readonly protocolVersion: string | undefined
  /** `User-Agent`. */
  readonly userAgent?: string | undefined
}

/**
 * Clients that begin a login because of a result, by the beginning of their `User-Agent`. All others
 * get the status of HTTP, as the MCP specification has it.
 */
const BY_RESULT: readonly string[] = [
  // ChatGPT and what is built on its connectors: `openai-mcp/1.0.0`.
  'openai-mcp/',
]

function wantsResult(form: RefusalForm, { userAgent = '' }: FormedRequest): boolean {
  if (form !== 'auto') return form === 'tool-result'
  return BY_RESULT.some((client) => userAgent.startsWith(client))
}

/** The one call of a tool that a result can answer. */
function callIn(messages: readonly RpcMessage[]): RpcMessage | undefined {
  const [call] = messages
  const isAlone = messages.length === 1 && call?.isRequest === true && call.id !== 'null'
  return isAlone && call.method === 'tools/call' ? call : undefined
}

function resultOf(denied: Denied, challenge: string, isTyped: boolean): object {
  const text = parseJsonObject(denied.body)?.['error_description']
  return {
    ...(isTyped && { resultType: 'complete' }),
    content: [{ type: 'text', text: String(text) }],
    isError: true,
    _meta: { 'mcp/www_authenticate': [challenge] },
  }
}

/**
 * A refusal as the result of the tool that was called, with the challenge that the header would have.
 *
 * @param messages that were refused
 * @returns `undefined`: it is sent as the status of HTTP
 */
export function asToolResult(
  denied: Denied,
  messages: readonly RpcMessage[],
  form: RefusalForm,
  request: FormedRequest,
  answers: Answers,
): GuardAnswer | undefined {
  const { status, requestId, headers } = denied
  const challenge = headers['WWW-Authenticate']
  const call = callIn(messages)
  // Where no login helps there is no challenge.
  if (status === 400 || challenge === undefined || call === undefined) return undefined
  if (!wantsResult(form, request)) return undefined
  const result = JSON.stringify(resultOf(denied, challenge, isStateless(request.protocolVersion)))
  return {
    outcome: 'answer',
    status: 200,
    standsFor: status,
    headers: { ...answerHeaders(requestId), ...answers.corsHeaders(request.origin) },
    body: `{"jsonrpc":"2.0","id":${call.id},"result":${result}}`,
  }
}
