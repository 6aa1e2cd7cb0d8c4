/**
 * Counts events for Prometheus. Every label has a closed list of values: codes, configured issuers.
 *
 * @module
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { outcomeOf, type GatewayEvent } from './events.js'
import type { GatewayStatus } from './gateway.js'

export interface Metrics {
  /** Call it with every event, and with its resource if there are several. */
  count(event: GatewayEvent, resource?: string): void
  /** The text of `/metrics`, and its content type. */
  collect(): Promise<{ readonly contentType: string; readonly text: string }>
}

/** Lines lost since the start because no reader took them. */
export interface LostLines {
  readonly log: number
  readonly audit: number
}

type Registers = [Registry]

/** Counted with the events of requests. */
function createRequestCounters(registers: Registers) {
  const requests = new Counter({
    name: 'gatehouse_requests_total',
    help: 'Requests by outcome; reason is a code, or how a forwarded answer ended',
    labelNames: ['outcome', 'reason', 'resource'] as const,
    registers,
  })
  const anonymous = new Counter({
    name: 'gatehouse_anonymous_requests_total',
    help: 'Requests without a token that the anonymous rules of a policy were asked about',
    labelNames: ['outcome', 'resource'] as const,
    registers,
  })
  const upstreamSeconds = new Histogram({
    name: 'gatehouse_upstream_response_seconds',
    help: 'Time until the upstream began to answer',
    labelNames: ['resource'] as const,
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60],
    registers,
  })
  const answers = new Counter({
    name: 'gatehouse_upstream_responses_total',
    help: 'Answers of the upstream that were forwarded, by the class of their status',
    labelNames: ['class', 'resource'] as const,
    registers,
  })
  return { requests, anonymous, upstreamSeconds, answers }
}

/** Counted with the events of issuers. */
function createIssuerCounters(registers: Registers) {
  const fetches = new Counter({
    name: 'gatehouse_jwks_fetches_total',
    help: 'Attempts to fetch the keys of an issuer',
    labelNames: ['issuer', 'result'] as const,
    registers,
  })
  const introspections = new Counter({
    name: 'gatehouse_introspections_total',
    help: 'Calls to the introspection endpoint of an issuer',
    labelNames: ['issuer', 'result'] as const,
    registers,
  })
  return { fetches, introspections }
}

/** Set at every scrape, but for the use of keys. */
function createGauges(registers: Registers) {
  const keys = new Gauge({
    name: 'gatehouse_jwks_keys',
    help: 'Usable keys of an issuer',
    labelNames: ['issuer', 'resource'] as const,
    registers,
  })
  const age = new Gauge({
    name: 'gatehouse_jwks_age_seconds',
    help: 'Time since the keys were fetched',
    labelNames: ['issuer', 'resource'] as const,
    registers,
  })
  const lostLines = new Gauge({
    name: 'gatehouse_lost_lines',
    help: 'Log lines and audit records that were dropped because their reader did not keep up',
    labelNames: ['what'] as const,
    registers,
  })
  const keyUse = new Gauge({
    name: 'gatehouse_api_key_last_use_timestamp_seconds',
    help: 'When an API key was last accepted, in seconds since 1970',
    labelNames: ['key', 'resource'] as const,
    registers,
  })
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers })
  const active = gauge('gatehouse_active_requests', 'Requests with the upstream')
  const streams = gauge(
    'gatehouse_open_streams',
    'Of these, requests that are answered by an event stream',
  )
  const remembered = gauge('gatehouse_remembered_tokens', 'Tokens that need no signature check')
  return { keys, age, lostLines, keyUse, active, streams, remembered }
}

type Resource = { readonly resource: string } | undefined

function countRequest(
  { requests, anonymous, upstreamSeconds, answers }: ReturnType<typeof createRequestCounters>,
  event: GatewayEvent,
  about: Resource,
): void {
  const outcome = outcomeOf(event)
  if (outcome !== undefined) requests.inc({ outcome: outcome[0], reason: outcome[1], ...about })
  if (event.type === 'operation.judged' && event.issuer === undefined) {
    anonymous.inc({ outcome: event.outcome, ...about })
  }
  if (event.type === 'request.completed' && event.upstreamSeconds !== undefined) {
    upstreamSeconds.observe({ ...about }, event.upstreamSeconds)
    answers.inc({ class: `${Math.floor(event.status / 100)}xx`, ...about })
  }
}

function countIssuer(
  { fetches, introspections }: ReturnType<typeof createIssuerCounters>,
  event: GatewayEvent,
): void {
  if (event.type === 'keys.loaded') fetches.inc({ issuer: event.issuer, result: 'ok' })
  if (event.type === 'introspection.answered') {
    introspections.inc({ issuer: event.issuer, result: event.active ? 'active' : 'inactive' })
  }
  if (event.type === 'introspection.failed') {
    introspections.inc({ issuer: event.issuer, result: event.code })
  }
  if (event.type === 'keys.failed') fetches.inc({ issuer: event.issuer, result: event.code })
}

function setStatus(
  { keys, age, lostLines, active, streams, remembered }: ReturnType<typeof createGauges>,
  now: GatewayStatus,
  lost: LostLines,
): void {
  active.set(now.active)
  streams.set(now.streams)
  let tokens = 0
  for (const { resource, resourceServer } of now.resources) {
    const about = now.resources.length > 1 ? { resource } : undefined
    tokens += resourceServer?.rememberedTokens ?? 0
    for (const { issuer, keys: count, age: seconds } of resourceServer?.issuers ?? []) {
      keys.set({ issuer, ...about }, count)
      if (seconds !== undefined) age.set({ issuer, ...about }, seconds)
    }
  }
  remembered.set(tokens)
  for (const [what, count] of Object.entries(lost)) lostLines.set({ what }, count)
}

/**
 * @param status read at every scrape
 * @param lost read at every scrape, too
 */
export function createMetrics(
  status: () => GatewayStatus,
  lost: () => LostLines = () => ({ log: 0, audit: 0 }),
): Metrics {
  const registry = new Registry()
  const registers: Registers = [registry]
  collectDefaultMetrics({ register: registry })
  const ofRequests = createRequestCounters(registers)
  const ofIssuers = createIssuerCounters(registers)
  const gauges = createGauges(registers)

  return {
    count(event, resource) {
      const about = resource === undefined ? undefined : { resource }
      countRequest(ofRequests, event, about)
      countIssuer(ofIssuers, event)
      if (event.type === 'request.authenticated' && event.apiKey !== undefined) {
        gauges.keyUse.setToCurrentTime({ key: event.apiKey, ...about })
      }
    },
    async collect() {
      setStatus(gauges, status(), lost())
      return { contentType: registry.contentType, text: await registry.metrics() }
    },
  }
}
