/** Faults in what the doctor finds, and in what it must not do. */
import type { Fault } from './faults.js'

const resource = ['doctor/resource.test.ts']
const server = ['doctor/server.test.ts']
const registration = ['doctor/registration.test.ts']
const command = ['doctor/command.test.ts']

export const DOCTOR_FAULTS: readonly Fault[] = [
  {
    id: 'facts-without-sources',
    breaks: 'CASE-45',
    find: 'sources: places.map((at) => ({ at, date: SURVEY }))',
    replace: 'sources: places.slice(0, 0).map((at) => ({ at, date: SURVEY }))',
    tests: ['advice/clients.test.ts'],
  },
  {
    id: 'unknown-facts-taken-for-fine',
    breaks: 'DOC-04',
    find: 'return value === undefined ? undefined : fails(value)',
    replace: 'return value !== undefined && fails(value)',
    tests: server,
  },
  {
    id: 'prefixes-stop-nobody',
    breaks: 'DOC-04',
    find: "if (value === 'prefix') return !isPrefix",
    replace: "if (value === 'prefix') return false",
    tests: resource,
  },
  {
    id: 'every-redirect-stops-everyone',
    breaks: 'DOC-04',
    find: 'isOther || losesBody ? EVERY : HOSTED',
    replace: 'isOther || answer.status > 0 || losesBody ? EVERY : HOSTED',
    tests: resource,
  },
  {
    id: 'sessions-of-open-servers-left',
    breaks: 'DOC-03',
    find: "const session = isAnswer(opened) ? opened.headers.get('mcp-session-id') : null",
    replace: "const session = isAnswer(opened) ? opened.headers.get('x') : null",
    tests: resource,
  },
  {
    id: 'hanging-servers-waited-for',
    breaks: 'DOC-06',
    find: 'const timer = setTimeout(() => limit.abort(), patience)',
    replace: 'const timer = setTimeout(() => undefined, patience)',
    tests: resource,
  },
  {
    id: 'wildcard-taken-for-authorization',
    breaks: 'DOC-01',
    find: "allowed.has('*') && field !== 'authorization'",
    replace: "allowed.has('*') && field !== ''",
    tests: resource,
  },
  {
    id: 'slow-clocks-overlooked',
    breaks: 'DOC-01',
    find: 'Math.abs(ahead) <= TOLERATED',
    replace: 'ahead <= TOLERATED',
    tests: resource,
  },
  {
    id: 'open-servers-overlooked',
    breaks: 'DOC-01',
    find: "return message?.['jsonrpc'] === '2.0'",
    replace: "return message?.['jsonrpc'] === '2'",
    tests: resource,
  },
  {
    id: 'absent-pkce-stops-nobody',
    breaks: 'CASE-43',
    find: "(rule) => rule === 'advertised'",
    replace: "(rule) => rule !== 'advertised'",
    tests: server,
  },
  {
    id: 'faults-of-forms-overlooked',
    breaks: 'DOC-02',
    find: 'form.status >= 500 && form.status !== 502',
    replace: 'form.status >= 502 && form.status !== 502',
    tests: server,
  },
  {
    id: 'resources-of-the-provider-overlooked',
    breaks: 'PRM-19',
    find: 'if (listed === undefined || listed.includes(url)) return',
    replace: 'if (listed === undefined || listed.length > 0) return',
    tests: server,
  },
  {
    id: 'second-provider-stops-everyone',
    breaks: 'DOC-04',
    find: 'index === 0 ? own : own.map(asOther)',
    replace: 'index >= 0 ? own : own.map(asOther)',
    tests: server,
  },
  {
    id: 'documents-used-without-none',
    breaks: 'DOC-04',
    find: 'if (takesNone(document) || client.cimdNeedsNone.value === false) return true',
    replace: 'if (takesNone(document) || client.name !== "") return true',
    tests: server,
  },
  {
    id: 'registered-without-being-asked',
    breaks: 'DOC-03',
    find: 'if (triesRegistration && endpoint !== undefined)',
    replace: 'if (endpoint !== undefined)',
    tests: registration,
  },
  {
    id: 'registration-token-sent-elsewhere',
    breaks: 'DOC-03',
    find: "typeof token !== 'string' || url?.origin !== new URL(endpoint).origin",
    replace: "typeof token !== 'string' || url === undefined",
    tests: registration,
  },
  {
    id: 'left-clients-not-named',
    breaks: 'DOC-03',
    find: 'left: isGone ? undefined : id',
    replace: 'left: isGone ? id : undefined',
    tests: registration,
  },
  {
    id: 'queries-in-reports',
    breaks: 'DOC-05',
    find: 'about: shownUrl(about),',
    replace: 'about: about.slice(),',
    tests: command,
  },
  {
    id: 'reports-act-on-terminals',
    breaks: 'DOC-05',
    find: "const clean = text.replace(/[^\\x20-\\x7e]/g, '?')",
    replace: "const clean = text.replace(/[^\\x00-\\x7e]/g, '?')",
    tests: server,
  },
  {
    id: 'errors-are-fine',
    breaks: 'DOC-07',
    find: "severity === 'error') ? FOUND : FINE",
    replace: "severity === 'error') ? FINE : FINE",
    tests: command,
  },
]
