/** Rules about API keys, broken on purpose. */
import type { Fault } from './faults.js'

const kernel = ['rs/api-keys.test.ts']
const hosts = ['matrix/keys.test.ts']
const file = ['config/api-keys-file.test.ts']
const command = ['cli/key.test.ts']
const limits = ['matrix/key-limits.test.ts']

export const KEY_FAULTS: readonly Fault[] = [
  {
    id: 'checksum-of-a-key-unread',
    breaks: 'IDN-10',
    find: 'return random !== undefined && checksumOf(random) === checksum',
    replace: 'return random !== undefined && checksum !== undefined',
    tests: ['token/api-key.test.ts'],
  },
  {
    id: 'keys-are-opaque-tokens',
    breaks: 'IDN-11',
    find: 'if (isApiKey(token)) return this.#apiKeys.judge(token, digest)',
    replace: '',
    tests: kernel,
  },
  {
    id: 'digests-compared-by-their-start',
    breaks: 'IDN-11',
    find: 'return near.find((each) => isSame(each.digest, digest))?.facts',
    replace: 'return [...this.#byStart.values()].flat().find(() => near.length >= 0)?.facts',
    tests: hosts,
  },
  {
    id: 'keys-open-any-resource',
    breaks: 'IDN-11',
    find: 'if (!audience.includes(this.#resource)) {',
    replace: 'if (audience.length === 0) {',
    tests: hosts,
  },
  {
    id: 'keys-without-end',
    breaks: 'IDN-11',
    find: 'if (expiresAt !== undefined && expiresAt * 1000 <= this.#now()) {',
    replace: 'if (expiresAt !== undefined && expiresAt < 0) {',
    tests: kernel,
  },
  {
    id: 'keys-under-the-issuer-of-people',
    breaks: 'IDN-12',
    find: 'const issuer = ISSUER + String(name)',
    replace: "const issuer = 'https://sso.example.com/realms/mcp'",
    tests: kernel,
  },
  {
    id: 'keys-file-for-others-to-write',
    breaks: 'IDN-13',
    find: 'const OTHERS_WRITE = 0o022',
    replace: 'const OTHERS_WRITE = 0o000',
    tests: file,
  },
  {
    id: 'keys-file-with-twins',
    breaks: 'IDN-13',
    find: "for (const member of ['id', 'digest']) {",
    replace: "for (const member of ['id']) {",
    tests: kernel,
  },
  {
    id: 'keys-file-is-not-watched',
    breaks: 'IDN-13',
    find: 'files: keysFile === undefined ? [] : [keysFile],',
    replace: 'files: [],',
    tests: ['cli/secret-watch.test.ts'],
  },
  {
    id: 'key-in-its-own-file',
    breaks: 'IDN-14',
    find: 'const digest = sha256Of(key)',
    replace: 'const digest = sha256Of(key.slice(4))',
    tests: command,
  },
  {
    id: 'keys-end-never-unless-told',
    breaks: 'IDN-14',
    find: "expires: isEndless ? 'never' : endAfter(days ?? 1, io.now()),",
    replace: "expires: isEndless || !given.has('days') ? 'never' : endAfter(days ?? 1, io.now()),",
    tests: command,
  },
  {
    id: 'mode-of-the-keys-file-changed',
    breaks: 'IDN-14',
    find: 'chmodSync(fresh, mode & 0o777)',
    replace: 'chmodSync(fresh, mode & 0o700)',
    tests: command,
  },
  {
    id: 'revoked-keys-go-on',
    breaks: 'IDN-15',
    find: 'this.#byStart = byStart(keys?.keys ?? [])',
    replace: 'this.#byStart = new Map([...this.#byStart, ...byStart(keys?.keys ?? [])])',
    tests: kernel,
  },
  {
    id: 'limits-of-keys-count-tokens',
    breaks: 'IDN-16',
    find: ".filter(({ per }) => per !== 'key' || holdsKey)",
    replace: ".filter(({ per }) => per !== 'key' || operation !== undefined)",
    tests: limits,
  },
  {
    id: 'limits-of-keys-by-their-person',
    breaks: 'IDN-16',
    find: "if (per === 'client' || per === 'key') return clientKey(authenticated)",
    replace: "if (per === 'client') return clientKey(authenticated)",
    tests: limits,
  },
]
