/** Rules about how we ask for a verdict on a token, broken on purpose. */
import type { Fault } from './faults.js'

const tests = ['introspect/dialects.test.ts']

export const DIALECT_FAULTS: readonly Fault[] = [
  {
    id: 'key-file-without-its-kid',
    breaks: 'IDN-40',
    find: "const kid = keyId ?? key.kid ?? (text.type === 'pem' ? text.kid : undefined)",
    replace: 'const kid = keyId ?? key.kid',
    tests,
  },
  {
    id: 'bearer-with-a-client-id-as-basic',
    breaks: 'IDN-40',
    find: "headers.set('authorization', `Bearer ${secret}`)",
    replace: "headers.set('authorization', `Basic ${secret}`)",
    tests,
  },
  {
    id: 'any-400-of-google-is-inactive',
    breaks: 'IDN-41',
    find: "status === 400 &&\n    (body['error'] === 'invalid_token' || body['error_description'] === 'Invalid Value')",
    replace: "status === 400 && body['error'] !== 'never'",
    tests,
  },
  {
    id: 'our-secret-is-the-callers-fault',
    breaks: 'IDN-41',
    find: 'isInactive: ({ status }) => status === 404 || status === 422,',
    replace: 'isInactive: ({ status }) => status >= 400 && status < 500,',
    tests,
  },
  {
    id: 'whole-answer-of-github-kept',
    breaks: 'IDN-41',
    find: 'return defined({ active: true, aud: client, client_id: client, sub, username, scope, exp })',
    replace:
      'return defined({ ...body, active: true, aud: client, client_id: client, sub, username, scope, exp })',
    tests,
  },
  {
    id: 'subject-by-the-name',
    breaks: 'IDN-41',
    find: 'const sub = String(id)',
    replace: 'const sub = username',
    tests,
  },
  {
    id: 'provider-without-an-audience',
    breaks: 'IDN-42',
    find: 'return [...(hasNoAudience ? [audience] : []),',
    replace: 'return [...(hasNoAudience ? [] : []),',
    tests,
  },
  {
    id: 'provider-without-scopes',
    breaks: 'IDN-42',
    find: '...(scopes.length === 0 ? [scope] : [])]',
    replace: '...(scopes.length < 0 ? [scope] : [])]',
    tests,
  },
  {
    id: 'user-info-asked',
    breaks: 'IDN-43',
    find: 'if (!/\\/userinfo\\/?$/i.test(',
    replace: 'if (!/\\/no-userinfo\\/?$/i.test(',
    tests,
  },
  {
    id: 'github-without-a-person',
    breaks: 'IDN-41',
    find: "if ((body['user'] ?? undefined) === undefined) return { active: false }",
    replace: '',
    tests: ['introspect/dialects.test.ts'],
  },
  {
    id: 'github-without-a-number',
    breaks: 'IDN-41',
    find: 'if (!Number.isSafeInteger(id)) return undefined',
    replace: '',
    tests: ['introspect/dialects.test.ts'],
  },
]
