/** What attacks broke, broken again. */
import type { Fault } from './faults.js'

const fence = ['doctor/fence.test.ts']
const stream = ['doctor/exchange.test.ts']
const login = ['cli/login/failures.test.ts']
const audiences = ['rs/sole-audience.test.ts']
const unpublished = ['rs/unpublished.test.ts']

export const ATTACK_FAULTS: readonly Fault[] = [
  {
    id: 'doctor-led-inside',
    breaks: 'ATK-22',
    find: 'if (await unlessAborted(isForbidden(url), limit.signal)) {',
    replace: 'if ((await unlessAborted(isForbidden(url), limit.signal)) && url === method) {',
    tests: fence,
  },
  {
    id: 'doctor-without-a-fence',
    breaks: 'ATK-22',
    find: ', isForbidden: fenceFrom(url, addressesOf) }',
    replace: ', isForbidden: fenceFrom("http://localhost", addressesOf) }',
    tests: fence,
  },
  {
    id: 'names-of-inside-addresses',
    breaks: 'ATK-22',
    find: "url.protocol === 'https:' ? NOBODY : addressesOf",
    replace: "url.protocol !== '' ? NOBODY : addressesOf",
    tests: fence,
  },
  {
    id: 'addresses-of-machines-in-a-cloud',
    breaks: 'ATK-22',
    find: "  ['169.254.0.0', 16],\n",
    replace: '',
    tests: fence,
  },
  {
    id: 'login-led-to-this-machine',
    breaks: 'ATK-22',
    find: 'if (!isTrustworthyEndpoint(issuer, url, {})) {',
    replace: 'if (!isTrustworthyEndpoint(issuer, issuer, {})) {',
    tests: login,
  },
  {
    id: 'events-read-anew',
    breaks: 'ATK-23',
    find: 'if (!/\\n\\r?\\n/.test(seam)) return false',
    replace:
      'if (!/^data: ?\\S[^\\r\\n]*\\r?\\n(?:[^\\r\\n]+\\r?\\n)*\\r?\\n/m.test(this.#rest)) return false',
    tests: stream,
  },
  {
    id: 'blank-line-between-pieces',
    breaks: 'ATK-23',
    find: 'const seam = this.#last + piece',
    replace: 'const seam = piece',
    tests: stream,
  },
  {
    id: 'tokens-of-any-length',
    breaks: 'ATK-23',
    find: "  return new Response(text === '' ? undefined : text, { status, headers })",
    replace: '  return response',
    tests: login,
  },
  {
    id: 'tokens-of-any-characters',
    breaks: 'ATK-24',
    find: 'if (!SENDABLE.test(response.access_token)) {',
    replace: 'if (response.access_token === SENDABLE.source) {',
    tests: login,
  },
  {
    id: 'baselines-with-any-answer',
    breaks: 'DOC-10',
    find: "verdicts.every((each) => hasTexts(each, 'client', 'connects'))",
    replace: 'verdicts.every((each) => hasTexts(each))',
    tests: ['doctor/reports.test.ts'],
  },
  {
    id: 'tokens-repeated-by-the-server',
    breaks: 'FLD-45',
    find: 'return new CommandFault(clean(message), clean(hint))',
    replace: 'return new CommandFault(message, hint)',
    tests: login,
  },
  {
    id: 'scopes-that-a-shell-runs',
    breaks: 'FLD-45',
    find: 'shellWord(quoted(scope, 200).slice(1, -1))',
    replace: 'quoted(scope, 200)',
    tests: login,
  },
  {
    id: 'beginnings-of-tokens-shown',
    breaks: 'FLD-45',
    find: 'if (secret.length < BEGINNING) return',
    replace: 'if (secret.length >= 0) return',
    tests: login,
  },
  {
    id: 'credentials-repeated-by-the-upstream',
    breaks: 'DOC-05',
    find: 'withoutSecrets(fault, secretsIn(upstreamHeaders))',
    replace: 'withoutSecrets(fault, [])',
    tests: ['doctor/inside.test.ts'],
  },
  {
    id: 'hanging-commands-interrupted',
    breaks: 'DOC-06',
    find: "throw reason instanceof ServerFault ? reason : new ServerFault('interrupted')",
    replace: "throw new ServerFault('interrupted')",
    tests: ['doctor/inside.test.ts'],
  },
  {
    id: 'variables-repeated-by-the-command',
    breaks: 'DOC-05',
    find: 'withoutSecrets(text, secretsIn(environment))',
    replace: 'withoutSecrets(text, [])',
    tests: ['doctor/inside.test.ts'],
  },
  {
    id: 'overheard-arguments-uncounted',
    breaks: 'ATK-25',
    find: '    const body = pieces.take()\n    stop()\n',
    replace: '    const body = pieces.take()\n    leave()\n',
    tests: ['gateway/overheard-body.test.ts'],
  },
  {
    id: 'overheard-arguments-counted-too-briefly',
    breaks: 'ATK-25',
    find: 'onceOver(request, response, leave)',
    replace: "request.once('close', leave)",
    tests: ['gateway/overheard-body.test.ts'],
  },
  {
    id: 'calls-behind-a-hundred-others',
    breaks: 'WHO-03',
    find: "if (messages.length > MOST_OPERATIONS) this.#unread = 'too many'",
    replace: '',
    tests: ['gateway/overheard-body.test.ts'],
  },
  {
    id: 'audience-of-the-answer-alone',
    breaks: 'ATK-26',
    find: 'if (foreign !== undefined) return foreign',
    replace: '',
    tests: audiences,
  },
  {
    id: 'sole-audience-of-clients',
    breaks: 'ATK-26',
    find: "if (audienceClaim === 'aud' || othersIn(rules) === undefined) return",
    replace: 'if (audienceClaim !== undefined) return',
    tests: audiences,
  },
  {
    id: 'events-as-owners',
    breaks: 'ATK-27',
    find: 'known.owners.includes(name) && wanted.every(',
    replace: 'wanted.every(',
    tests: unpublished,
  },
  {
    id: 'stars-as-owners',
    breaks: 'ATK-27',
    find: '!WIDE.test(value) && ',
    replace: '!fitsAnything(value) && ',
    tests: unpublished,
  },
  {
    id: 'labels-of-strangers',
    breaks: 'ATK-27',
    find: "(label === 'repo' || owners.includes(label))",
    replace: "(label !== '' || owners.includes(label))",
    tests: unpublished,
  },
  {
    id: 'client-documents-without-end',
    breaks: 'ATK-28',
    find: ' && clientId.length <= LONGEST_URL',
    replace: ' && clientId.length <= 2 ** LONGEST_URL',
    tests: ['cli/log.test.ts'],
  },
  {
    id: 'names-of-events-whole',
    breaks: 'WHO-01',
    find: "if (typeof value === 'string') members[name] = shown(name, value)",
    replace: 'if (about?.[name] !== undefined) members[name] = shown(name, String(value))',
    tests: ['cli/log.test.ts'],
  },
]
