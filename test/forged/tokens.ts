/**
 * Tokens that must not open the gate. Each differs in one thing from a token that does, or is what
 * somebody once got through another product with. And beside them those that look as bad and are good.
 */
import type { BearerTokenErrorCode, ResourceServerOptions } from '../../src/index.js'
import { ISSUER, RESOURCE } from '../support/idp.js'
import type { Citation } from '../support/verifies.js'
import {
  AT,
  ATTACKER,
  CANARY,
  CLAIMS,
  ecdsa,
  eddsa,
  encode,
  fixed,
  HEADER,
  hmac,
  keys,
  mint,
  NOW,
  OTHER_ISSUER,
  pss,
  publicJwk,
  rsa,
  SECRET,
  signedText,
  spki,
  type Members,
  type Spec,
} from './mint.js'

type Options = Partial<ResourceServerOptions>

export interface ForgedToken {
  readonly name: string
  readonly verifies: readonly Citation[]
  readonly code: BearerTokenErrorCode
  readonly token: string
  /** Beside those of the test. */
  readonly options?: Options
}

export interface GoodToken {
  readonly name: string
  readonly verifies: readonly Citation[]
  readonly token: string
  /** Why it must be accepted. */
  readonly reason: string
  readonly options?: Options
  /** Default: `mcp:tools`. */
  readonly scopes?: readonly string[]
}

const NONE = new Uint8Array()

/** The same token, its segments changed after the signature. */
function altered(token: string, change: (segments: string[]) => string[]): string {
  return change(token.split('.')).join('.')
}

/** Sets bits in the last character that no byte needs; lenient decoders do not look at them. */
function withTrailingBits(segment: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  if (segment.length % 4 === 0) throw new Error('this segment has no unused bits')
  return segment.slice(0, -1) + alphabet.charAt(alphabet.indexOf(segment.slice(-1)) | 1)
}

/** Blanks at the end make the length one whose encoding leaves bits unused. */
function unaligned(text: string): string {
  return Buffer.byteLength(text) % 3 === 0 ? `${text} ` : text
}

/** A signature whose encoding has a character in which the two alphabets differ. */
function withStandardAlphabet(): string {
  for (;;) {
    const [header, payload, signature = ''] = mint().split('.')
    const standard = signature.replaceAll('-', '+').replaceAll('_', '/')
    if (standard !== signature) return `${header}.${payload}.${standard}`
  }
}

/** r and n - s would be a valid signature; r and s exchanged is none. */
function exchanged(signature: Uint8Array): Uint8Array {
  return Buffer.concat([signature.subarray(32), signature.subarray(0, 32)])
}

const ec = spki(keys.es)
const rsaForms = spki(keys.rsa)
const modulus = String(publicJwk(keys.rsa)['n'])

interface Group {
  readonly verifies: readonly Citation[]
  readonly code: BearerTokenErrorCode
  readonly tokens: Readonly<Record<string, string | { token: string; options: Options }>>
}

const GROUPS: readonly Group[] = [
  // Algorithms
  {
    verifies: ['JWT-03', 'CASE-13'],
    code: 'ERR_TOKEN_ALGORITHM',
    tokens: {
      'alg none, no signature': mint({ header: { alg: 'none' }, sign: fixed(NONE) }),
      'alg nOnE, no signature': mint({ header: { alg: 'nOnE' }, sign: fixed(NONE) }),
      'alg NONE, no signature': mint({ header: { alg: 'NONE' }, sign: fixed(NONE) }),
      'alg none without kid': mint({ header: { alg: 'none', kid: undefined }, sign: fixed(NONE) }),
      'alg none with a good signature': mint({ header: { alg: 'none' } }),
      'alg nOnE with a good signature': mint({ header: { alg: 'nOnE' } }),
      'alg NONE with a good signature': mint({ header: { alg: 'NONE' } }),
      'alg empty': mint({ header: { alg: '' } }),
      'alg null as text': mint({ header: { alg: 'null' }, sign: fixed(NONE) }),
      'HS256 by the PEM of the EC key': mint({ header: { alg: 'HS256' }, sign: hmac(ec.pem) }),
      'HS256 by the DER of the EC key': mint({ header: { alg: 'HS256' }, sign: hmac(ec.der) }),
      'HS256 by the text of the JWK': mint({
        header: { alg: 'HS256' },
        sign: hmac(JSON.stringify(publicJwk(keys.es))),
      }),
      'HS256 by the PEM of the RSA key': mint({
        header: { alg: 'HS256', kid: 'rsa-1' },
        sign: hmac(rsaForms.pem),
      }),
      'HS256 by the modulus of the RSA key': mint({
        header: { alg: 'HS256', kid: 'rsa-1' },
        sign: hmac(Buffer.from(modulus, 'base64url')),
      }),
      'HS256 by the text of the modulus': mint({
        header: { alg: 'HS256', kid: 'rsa-1' },
        sign: hmac(modulus),
      }),
      'HS256 by the empty secret': mint({ header: { alg: 'HS256' }, sign: hmac('') }),
      'HS256 by a published symmetric key': mint({
        header: { alg: 'HS256', kid: 'secret' },
        sign: hmac(SECRET),
      }),
      'HS256 without kid': mint({ header: { alg: 'HS256', kid: undefined }, sign: hmac(ec.pem) }),
      'HS384 by the PEM': mint({ header: { alg: 'HS384' }, sign: hmac(ec.pem, 'sha384') }),
      'HS512 by the PEM': mint({ header: { alg: 'HS512' }, sign: hmac(ec.pem, 'sha512') }),
      'alg in lower case': mint({ header: { alg: 'es256' } }),
      'alg with a blank': mint({ header: { alg: 'ES256 ' } }),
      'alg ES256K': mint({ header: { alg: 'ES256K' } }),
      'alg of an encryption': mint({ header: { alg: 'RSA-OAEP', enc: 'A256GCM' } }),
      'RS256 under an EC key': mint({ header: { alg: 'RS256' }, sign: rsa(keys.rsa) }),
      'ES256 under an RSA key': mint({ header: { kid: 'rsa-1' } }),
      'EdDSA under an EC key': mint({ header: { alg: 'EdDSA' }, sign: eddsa(keys.ed) }),
      'PS256 by a key whose alg is RS256': mint({
        header: { alg: 'PS256', kid: 'rsa-1' },
        sign: pss(keys.rsa),
      }),
      'RS256 by a key whose alg is PS256': mint({
        header: { alg: 'RS256', kid: 'pss-1' },
        sign: rsa(keys.pss),
      }),
      'RS512 by a key whose alg is RS256': mint({
        header: { alg: 'RS512', kid: 'rsa-1' },
        sign: rsa(keys.rsa, 'sha512'),
      }),
      'RS256 by a key whose alg is RS512': mint({
        header: { alg: 'RS256', kid: 'rsa-512' },
        sign: rsa(keys.rsa512),
      }),
      'ES384 under a key of P-256': mint({
        header: { alg: 'ES384' },
        sign: ecdsa(keys.es, 'sha384'),
      }),
      'ES256 under a key of P-384': mint({
        header: { kid: 'es-384' },
        sign: ecdsa(keys.es384),
      }),
      'ES512 under a key of P-256': mint({
        header: { alg: 'ES512' },
        sign: ecdsa(keys.es512, 'sha512'),
      }),
      'ES256 under a key of P-521': mint({
        header: { kid: 'es-512' },
        sign: ecdsa(keys.es512),
      }),
      'an algorithm that the operator left out': {
        token: mint(),
        options: { algorithms: ['RS256', 'EdDSA'] },
      },
    },
  },
  {
    verifies: ['JWT-03'],
    code: 'ERR_TOKEN_MALFORMED',
    tokens: {
      'no alg': mint({ header: { alg: undefined } }),
      'alg a number': mint({ header: { alg: 256 } }),
      'alg a list': mint({ header: { alg: ['ES256'] } }),
      'alg null': mint({ header: { alg: null } }),
    },
  },

  // Keys
  {
    verifies: ['JWT-03', 'CASE-14'],
    code: 'ERR_TOKEN_SIGNATURE',
    tokens: {
      'another key under the same kid': mint({ sign: ecdsa(keys.attacker) }),
      'another key of the issuer under this kid': mint({ sign: ecdsa(keys.es2) }),
      'another RSA key under the same kid': mint({
        header: { alg: 'RS256', kid: 'rsa-1' },
        sign: rsa(keys.attackerRsa),
      }),
      'no kid, and not by the one key that fits': mint({
        header: { alg: 'RS256', kid: undefined },
        sign: rsa(keys.attackerRsa),
      }),
    },
  },
  {
    verifies: ['JWT-05', 'CASE-11'],
    code: 'ERR_TOKEN_SIGNATURE',
    tokens: {
      'key of another trusted issuer under the same kid': mint({ sign: ecdsa(keys.otherIssuer) }),
      'token of another trusted issuer by our key': mint({ claims: { iss: OTHER_ISSUER } }),
    },
  },
  {
    verifies: ['JWT-05', 'CASE-11'],
    code: 'ERR_TOKEN_KEY_UNKNOWN',
    tokens: {
      'key of another trusted issuer under its own kid': mint({
        header: { kid: 'other-1' },
        sign: ecdsa(keys.otherIssuer),
      }),
      'another trusted issuer, our key and kid': mint({
        header: { alg: 'RS256', kid: 'rsa-1' },
        claims: { iss: OTHER_ISSUER },
        sign: rsa(keys.rsa),
      }),
    },
  },
  {
    verifies: ['JWT-09'],
    code: 'ERR_TOKEN_SIGNATURE',
    tokens: {
      'jwk of the forger': mint({
        header: { jwk: publicJwk(keys.attacker) },
        sign: ecdsa(keys.attacker),
      }),
      'jku of the forger': mint({
        header: { jku: `${ATTACKER}/keys` },
        sign: ecdsa(keys.attacker),
      }),
      'jku that looks like ours': mint({
        header: { jku: `${ISSUER}/keys@attacker.example.org/` },
        sign: ecdsa(keys.attacker),
      }),
      'x5u of the forger': mint({
        header: { x5u: `${ATTACKER}/cert.pem` },
        sign: ecdsa(keys.attacker),
      }),
      'x5c of the forger': mint({
        header: { x5c: [spki(keys.attacker).der.toString('base64')] },
        sign: ecdsa(keys.attacker),
      }),
    },
  },
  {
    verifies: ['JWT-09', 'JWT-10'],
    code: 'ERR_TOKEN_KEY_UNKNOWN',
    tokens: {
      'jwk of the forger under its own kid': mint({
        header: { kid: 'mine', jwk: { ...publicJwk(keys.attacker), kid: 'mine' } },
        sign: ecdsa(keys.attacker),
      }),
      'jku of the forger under its own kid': mint({
        header: { kid: 'mine', jku: `${ATTACKER}/keys` },
        sign: ecdsa(keys.attacker),
      }),
    },
  },
  {
    verifies: ['JWT-10'],
    code: 'ERR_TOKEN_KEY_UNKNOWN',
    tokens: {
      'unknown kid': mint({ header: { kid: 'key-9' } }),
      'kid in other case': mint({ header: { kid: 'KEY-1' } }),
      'kid with a blank': mint({ header: { kid: 'key-1 ' } }),
      'kid empty': mint({ header: { kid: '' } }),
      'kid a path': mint({ header: { kid: '../../../../dev/null' }, sign: ecdsa(keys.attacker) }),
      'kid a query': mint({ header: { kid: "' UNION SELECT 'x" }, sign: ecdsa(keys.attacker) }),
      'kid an address': mint({ header: { kid: `${ATTACKER}/k` }, sign: ecdsa(keys.attacker) }),
      'kid a name of the engine': mint({ header: { kid: '__proto__' } }),
      'kid undefined as text': mint({ header: { kid: 'undefined' } }),
    },
  },
  {
    verifies: ['JWT-10', 'CASE-22'],
    code: 'ERR_TOKEN_KEY_UNKNOWN',
    tokens: {
      'no kid, and no key fits': mint({
        header: { kid: undefined, alg: 'RS384' },
        sign: rsa(keys.rsa, 'sha384'),
      }),
    },
  },
  {
    verifies: ['JWT-09', 'JWT-10', 'FLD-01'],
    code: 'ERR_TOKEN_SIGNATURE',
    tokens: {
      'no kid, two keys fit, signed by neither': mint({
        header: { kid: undefined },
        sign: ecdsa(keys.attacker),
      }),
      'no kid, signed by a key for another algorithm': mint({
        header: { kid: undefined, alg: 'RS256' },
        sign: rsa(keys.rsa512),
      }),
      'jwk of the forger without kid': mint({
        header: { kid: undefined, jwk: publicJwk(keys.attacker) },
        sign: ecdsa(keys.attacker),
      }),
    },
  },
  {
    verifies: ['JWT-10'],
    code: 'ERR_TOKEN_MALFORMED',
    tokens: {
      'kid a number': mint({ header: { kid: 1 } }),
      'kid null': mint({ header: { kid: null } }),
      'kid a list': mint({ header: { kid: ['key-1'] } }),
    },
  },
  {
    verifies: ['JWT-11', 'CASE-18'],
    code: 'ERR_TOKEN_KEY_UNKNOWN',
    tokens: {
      'RSA key of 1024 bits': mint({
        header: { alg: 'RS256', kid: 'weak' },
        sign: rsa(keys.weak),
      }),
      'key for encryption': mint({
        header: { kid: 'encryption' },
        sign: ecdsa(keys.encryption),
      }),
      'key without the operation verify': mint({
        header: { kid: 'agreement' },
        sign: ecdsa(keys.agreement),
      }),
      'key whose point is off its curve': mint({
        header: { kid: 'off-curve' },
        sign: ecdsa(keys.offCurve),
      }),
    },
  },

  // Signatures
  {
    verifies: ['JWT-11', 'CASE-14'],
    code: 'ERR_TOKEN_SIGNATURE',
    tokens: {
      'no signature': mint({ sign: fixed(NONE) }),
      'no RSA signature': mint({ header: { alg: 'RS256', kid: 'rsa-1' }, sign: fixed(NONE) }),
      'zeros as ECDSA signature': mint({ sign: fixed(new Uint8Array(64)) }),
      'zeros as RSA signature': mint({
        header: { alg: 'RS256', kid: 'rsa-1' },
        sign: fixed(new Uint8Array(256)),
      }),
      'zeros as EdDSA signature': mint({
        header: { alg: 'EdDSA', kid: 'ed-1' },
        sign: fixed(new Uint8Array(64)),
      }),
      'ones as ECDSA signature': mint({ sign: fixed(new Uint8Array(64).fill(0xff)) }),
      'ECDSA signature in DER': mint({ sign: ecdsa(keys.es, 'sha256', 'der') }),
      'r and s exchanged': mint({ sign: (text) => exchanged(ecdsa(keys.es)(text)) }),
      'signature cut short': mint({ sign: (text) => ecdsa(keys.es)(text).subarray(0, 63) }),
      'signature with one byte more': mint({
        sign: (text) => Buffer.concat([ecdsa(keys.es)(text), Buffer.of(0)]),
      }),
      'RSA signature cut short': mint({
        header: { alg: 'RS256', kid: 'rsa-1' },
        sign: (text) => rsa(keys.rsa)(text).subarray(0, 255),
      }),
      'another hash under ES256': mint({ sign: ecdsa(keys.es, 'sha384') }),
      'another hash under RS256': mint({
        header: { alg: 'RS256', kid: 'rsa-1' },
        sign: rsa(keys.rsa, 'sha512'),
      }),
      'PSS under RS256': mint({ header: { alg: 'RS256', kid: 'rsa-1' }, sign: pss(keys.rsa) }),
      'PKCS #1 under PS256': mint({ header: { alg: 'PS256', kid: 'pss-1' }, sign: rsa(keys.pss) }),
      'PSS with a salt of 20 bytes': mint({
        header: { alg: 'PS256', kid: 'pss-1' },
        sign: pss(keys.pss, 20),
      }),
      'signature of another token': altered(mint(), ([header = '', payload = '']) => [
        header,
        payload,
        mint({ claims: { jti: `${CANARY}-2` } }).split('.')[2] ?? '',
      ]),
      'subject changed after signing': altered(mint(), ([header = '', , signature = '']) => [
        header,
        encode(JSON.stringify({ ...CLAIMS, sub: 'admin' })),
        signature,
      ]),
      'scope added after signing': altered(mint(), ([header = '', , signature = '']) => [
        header,
        encode(JSON.stringify({ ...CLAIMS, scope: 'mcp:tools mcp:admin' })),
        signature,
      ]),
      'life prolonged after signing': altered(
        mint({ claims: { exp: AT - 3600 } }),
        ([header = '', , signature = '']) => [
          header,
          encode(JSON.stringify({ ...CLAIMS })),
          signature,
        ],
      ),
      'typ changed after signing': altered(
        mint({ header: { typ: 'logout+jwt' } }),
        ([, payload = '', signature = '']) => [
          encode(JSON.stringify({ ...HEADER })),
          payload,
          signature,
        ],
      ),
      'blank added to the payload after signing': altered(
        mint(),
        ([header = '', , signature = '']) => [
          header,
          encode(`${JSON.stringify(CLAIMS)} `),
          signature,
        ],
      ),
      'only the payload is signed': mint({
        sign: (text) => ecdsa(keys.es)(text.slice(text.indexOf('.') + 1)),
      }),
      'the payload is signed unencoded (b64 without crit)': mint({
        header: { b64: false },
        sign: (text) =>
          ecdsa(keys.es)(`${text.slice(0, text.indexOf('.'))}.${JSON.stringify(CLAIMS)}`),
      }),
    },
  },

  // Critical members
  {
    verifies: ['JWT-09'],
    code: 'ERR_TOKEN_MALFORMED',
    tokens: {
      'crit names an extension': mint({ header: { crit: ['x'], x: 1 } }),
      'crit names exp': mint({ header: { crit: ['exp'], exp: AT + 300 } }),
      'crit names a member that is missing': mint({ header: { crit: ['x'] } }),
      'crit names what everybody knows': mint({ header: { crit: ['alg'] } }),
      'crit with b64 false': mint({ header: { crit: ['b64'], b64: false } }),
      'crit with b64 false, the payload signed unencoded': mint({
        header: { crit: ['b64'], b64: false },
        sign: (text) =>
          ecdsa(keys.es)(`${text.slice(0, text.indexOf('.'))}.${JSON.stringify(CLAIMS)}`),
      }),
      'crit with b64 true': mint({ header: { crit: ['b64'], b64: true } }),
      'crit empty': mint({ header: { crit: [] } }),
      'crit null': mint({ header: { crit: null } }),
      'crit a text': mint({ header: { crit: 'exp' } }),
    },
  },

  // Other kinds of JWT from the same issuer, by their header
  {
    verifies: ['JWT-01', 'JWT-02'],
    code: 'ERR_TOKEN_TYPE',
    tokens: {
      'typ of a logout token': mint({ header: { typ: 'logout+jwt' } }),
      'typ of a logout token in upper case': mint({ header: { typ: 'LOGOUT+JWT' } }),
      'typ of a logout token in full': mint({ header: { typ: 'application/logout+jwt' } }),
      'typ of a security event': mint({ header: { typ: 'secevent+jwt' } }),
      'typ of a DPoP proof': mint({ header: { typ: 'dpop+jwt' } }),
      'typ of an ID-JAG': mint({ header: { typ: 'oauth-id-jag+jwt' } }),
      'typ of an introspection answer': mint({ header: { typ: 'token-introspection+jwt' } }),
      'typ of a client assertion': mint({ header: { typ: 'client-authentication+jwt' } }),
      'typ of an authorization request': mint({ header: { typ: 'oauth-authz-req+jwt' } }),
      'typ of an ID token': mint({ header: { typ: 'id_token+jwt' } }),
      'typ of a status list': mint({ header: { typ: 'statuslist+jwt' } }),
      'typ of an encryption': mint({ header: { typ: 'JWE' } }),
      'typ at+jwt with a parameter': mint({ header: { typ: 'at+jwt;v=1' } }),
      'typ at+jwt with a blank': mint({ header: { typ: ' at+jwt' } }),
      'typ at jwt': mint({ header: { typ: 'at jwt' } }),
      'typ of another media tree': mint({ header: { typ: 'text/at+jwt' } }),
      'typ empty': mint({ header: { typ: '' } }),
      'typ garbage': mint({ header: { typ: 'whatever' } }),
    },
  },
  {
    verifies: ['JWT-01'],
    code: 'ERR_TOKEN_MALFORMED',
    tokens: {
      'typ a number': mint({ header: { typ: 1 } }),
      'typ null': mint({ header: { typ: null } }),
      'typ a list': mint({ header: { typ: ['at+jwt'] } }),
    },
  },
  {
    verifies: ['JWT-01', 'CASE-4'],
    code: 'ERR_TOKEN_TYPE',
    tokens: {
      'typ JWT where at+jwt is required': {
        token: mint({ header: { typ: 'JWT' } }),
        options: { requireType: true },
      },
      'no typ where at+jwt is required': {
        token: mint({ header: { typ: undefined } }),
        options: { requireType: true },
      },
      'typ JWT where this issuer must send at+jwt': {
        token: mint({ header: { typ: 'JWT' }, claims: { jti: `${CANARY}-3` } }),
        options: { authorizationServers: [{ issuer: ISSUER, requireType: true }, OTHER_ISSUER] },
      },
    },
  },

  // Other kinds of JWT from the same issuer, by their claims
  {
    verifies: ['JWT-02', 'CASE-4'],
    code: 'ERR_TOKEN_TYPE',
    tokens: {
      'ID token: nonce under JWT': jwt({ nonce: 'n' }),
      'ID token: nonce without typ': mint({ header: { typ: undefined }, claims: { nonce: 'n' } }),
      'ID token: at_hash under JWT': jwt({ at_hash: 'h' }),
      'ID token: nonce and at_hash': jwt({ nonce: 'n', at_hash: 'h', auth_time: AT }),
      'ID token: s_hash under JWT': jwt({ s_hash: 'h' }),
      'ID token: c_hash under JWT': jwt({ c_hash: 'h' }),
      'ID token: c_hash even under at+jwt': mint({ claims: { c_hash: 'h' } }),
      'logout token: events under JWT': jwt({
        events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
      }),
      'security event: events even under at+jwt': mint({ claims: { events: {} } }),
      'authorization response: code and state under JWT': jwt({ code: 'c', state: 's' }),
      'authorization response without typ': mint({
        header: { typ: undefined },
        claims: { code: 'c', state: 's' },
      }),
      'Keycloak ID token': jwt({ typ: 'ID', azp: 'client' }),
      'Keycloak refresh token': jwt({ typ: 'Refresh' }),
      'Keycloak offline token': jwt({ typ: 'Offline' }),
      'Keycloak logout token': jwt({ typ: 'Logout' }),
      'Keycloak ID token even under at+jwt': mint({ claims: { typ: 'ID' } }),
      'payload typ in other case': jwt({ typ: 'bearer' }),
      'payload typ a number': jwt({ typ: 1 }),
      'payload typ a list': jwt({ typ: ['Bearer'] }),
      'Cognito ID token': jwt({ token_use: 'id' }),
      'Cognito ID token even under at+jwt': mint({ claims: { token_use: 'id' } }),
      'token_use refresh': jwt({ token_use: 'refresh' }),
      'token_use a list': jwt({ token_use: ['access'] }),
    },
  },
  {
    verifies: ['JWT-02', 'ATK-18'],
    code: 'ERR_TOKEN_TYPE',
    tokens: {
      'Simple JWT refresh token': jwt({ token_type: 'refresh' }),
      'token_type refresh even under at+jwt': mint({ claims: { token_type: 'refresh' } }),
      'token_type id_token': jwt({ token_type: 'id_token' }),
      'token_type with more behind it': jwt({ token_type: 'access_token refresh' }),
      'token_type a list': jwt({ token_type: ['access'] }),
    },
  },

  // Issuer
  {
    verifies: ['JWT-05', 'TOK-07', 'CASE-11'],
    code: 'ERR_TOKEN_ISSUER_UNTRUSTED',
    tokens: {
      'iss with a slash more': mint({ claims: { iss: `${ISSUER}/` } }),
      'iss in other case': mint({ claims: { iss: ISSUER.replace('realms', 'Realms') } }),
      'iss with its host in upper case': mint({
        claims: { iss: ISSUER.replace('sso.example.com', 'SSO.example.com') },
      }),
      'iss with the default port': mint({
        claims: { iss: ISSUER.replace('example.com', 'example.com:443') },
      }),
      'iss with another port': mint({
        claims: { iss: ISSUER.replace('example.com', 'example.com:8443') },
      }),
      'iss with another scheme': mint({ claims: { iss: ISSUER.replace('https', 'http') } }),
      'iss with a blank': mint({ claims: { iss: `${ISSUER} ` } }),
      'iss with a query': mint({ claims: { iss: `${ISSUER}?x` } }),
      'iss escaped': mint({ claims: { iss: ISSUER.replace('mcp', '%6dcp') } }),
      'iss of another realm': mint({ claims: { iss: ISSUER.replace(/mcp$/, 'other') } }),
      'iss a prefix': mint({ claims: { iss: ISSUER.replace(/\/mcp$/, '') } }),
      'iss continued by another host': mint({ claims: { iss: `${ISSUER}.attacker.example.org` } }),
      'iss of the forger, who signs': mint({
        header: { jku: `${ATTACKER}/keys` },
        claims: { iss: ATTACKER },
        sign: ecdsa(keys.attacker),
      }),
      'no iss': mint({ claims: { iss: undefined } }),
      'iss empty': mint({ claims: { iss: '' } }),
      'iss a list': mint({ claims: { iss: [ISSUER] } }),
      'iss a number': mint({ claims: { iss: 1 } }),
      'iss null': mint({ claims: { iss: null } }),
      'iss an object': mint({ claims: { iss: { value: ISSUER } } }),
      'iss an object and not a text': mint({ claims: { iss: { toString: ISSUER } } }),
      'iss nested beyond any stack': payload(`{"iss":${'['.repeat(5500)}${']'.repeat(5500)}}`),
      'iss of a name of the engine': mint({ claims: { iss: '__proto__' } }),
    },
  },

  // Audience
  {
    verifies: ['AUD-01', 'AUD-03', 'JWT-06', 'CASE-1', 'CASE-2'],
    code: 'ERR_TOKEN_AUDIENCE',
    tokens: {
      'aud of another resource': mint({ claims: { aud: 'https://other.example.com/mcp' } }),
      'aud a sibling path': mint({ claims: { aud: `${RESOURCE}2` } }),
      'aud a path below': mint({ claims: { aud: `${RESOURCE}/tools` } }),
      'aud the origin': mint({ claims: { aud: 'https://mcp.example.com' } }),
      'aud the origin with a slash': mint({ claims: { aud: 'https://mcp.example.com/' } }),
      'aud a prefix': mint({ claims: { aud: RESOURCE.slice(0, -1) } }),
      'aud in other case': mint({ claims: { aud: RESOURCE.replace('/mcp', '/MCP') } }),
      'aud with its host in upper case': mint({
        claims: { aud: RESOURCE.replace('mcp.example', 'MCP.example') },
      }),
      'aud with a slash more': mint({ claims: { aud: `${RESOURCE}/` } }),
      'aud with the default port': mint({
        claims: { aud: RESOURCE.replace('.com', '.com:443') },
      }),
      'aud with another scheme': mint({ claims: { aud: RESOURCE.replace('https', 'http') } }),
      'aud with a query': mint({ claims: { aud: `${RESOURCE}?x=1` } }),
      'aud with a fragment': mint({ claims: { aud: `${RESOURCE}#x` } }),
      'aud with a blank': mint({ claims: { aud: ` ${RESOURCE}` } }),
      'aud with two texts in one': mint({ claims: { aud: `${RESOURCE} account` } }),
      'aud the issuer': mint({ claims: { aud: ISSUER } }),
      'aud the client': mint({ claims: { aud: 'client-1' } }),
      'aud a list of others': mint({ claims: { aud: ['account', `${RESOURCE}2`] } }),
      'aud a wildcard': mint({ claims: { aud: '*' } }),
      'azp in place of aud': mint({ claims: { aud: 'account', azp: RESOURCE } }),
      'resource in place of aud': mint({ claims: { aud: undefined, resource: RESOURCE } }),
    },
  },
  {
    verifies: ['AUD-01', 'JWT-06', 'CASE-1', 'CASE-5'],
    code: 'ERR_TOKEN_AUDIENCE',
    tokens: {
      'no aud': mint({ claims: { aud: undefined } }),
      'aud empty': mint({ claims: { aud: '' } }),
      'aud null': mint({ claims: { aud: null } }),
      'aud an empty list': mint({ claims: { aud: [] } }),
      'aud a list of the empty text': mint({ claims: { aud: [''] } }),
    },
  },
  {
    verifies: ['AUD-01', 'JWT-06'],
    code: 'ERR_TOKEN_CLAIM',
    tokens: {
      'aud a number': mint({ claims: { aud: 1 } }),
      'aud true': mint({ claims: { aud: true } }),
      'aud a list in a list': mint({ claims: { aud: [[RESOURCE]] } }),
      'aud a list with a number': mint({ claims: { aud: [RESOURCE, 1] } }),
      'aud a list with null': mint({ claims: { aud: [null, RESOURCE] } }),
      'aud an object': mint({ claims: { aud: { 0: RESOURCE, length: 1 } } }),
    },
  },
  {
    verifies: ['AUD-05', 'AUD-06', 'CASE-6'],
    code: 'ERR_TOKEN_AUDIENCE',
    tokens: {
      'aud the resource where another audience is configured': {
        token: mint({ claims: { jti: `${CANARY}-4` } }),
        options: { audience: 'api://mcp' },
      },
      'aud of the other issuer': {
        token: mint({ claims: { aud: 'api://other' } }),
        options: {
          authorizationServers: [ISSUER, { issuer: OTHER_ISSUER, audience: 'api://other' }],
        },
      },
      'aud of the resource beside it': {
        token: mint({ claims: { aud: RESOURCE, jti: `${CANARY}-5` } }),
        options: { resource: 'https://mcp.example.com/mcp2' },
      },
      'aud below the resource of an origin': {
        token: mint({ claims: { aud: RESOURCE, jti: `${CANARY}-6` } }),
        options: { resource: 'https://mcp.example.com' },
      },
    },
  },

  // Times
  {
    verifies: ['JWT-07'],
    code: 'ERR_TOKEN_EXPIRED',
    tokens: {
      'expired an hour ago': mint({ claims: { iat: AT - 7200, exp: AT - 3600 } }),
      'expired just beyond the tolerance': mint({ claims: { exp: AT - 30 } }),
      'expired a fraction beyond the tolerance': mint({ claims: { exp: AT - 30.001 } }),
      'expired now, without tolerance': {
        token: mint({ claims: { exp: AT } }),
        options: { clockTolerance: 0 },
      },
      'exp zero': mint({ claims: { exp: 0 } }),
      'exp negative': mint({ claims: { exp: -1 } }),
    },
  },
  {
    verifies: ['JWT-07'],
    code: 'ERR_TOKEN_CLAIM',
    tokens: {
      'no exp': mint({ claims: { exp: undefined } }),
      'exp a text': mint({ claims: { exp: String(AT + 300) } }),
      'exp a date': mint({ claims: { exp: '2099-01-01T00:00:00Z' } }),
      'exp null': mint({ claims: { exp: null } }),
      'exp true': mint({ claims: { exp: true } }),
      'exp a list': mint({ claims: { exp: [AT + 300] } }),
      'exp infinite': mint({
        payloadText: JSON.stringify(CLAIMS).replace(`"exp":${AT + 300}`, '"exp":1e999'),
      }),
    },
  },
  {
    verifies: ['JWT-08'],
    code: 'ERR_TOKEN_NOT_YET_VALID',
    tokens: {
      'nbf an hour ahead': mint({ claims: { nbf: AT + 3600, exp: AT + 7200 } }),
      'nbf just beyond the tolerance': mint({ claims: { nbf: AT + 31 } }),
      'nbf a fraction beyond the tolerance': mint({ claims: { nbf: AT + 30.001 } }),
      'nbf infinitely far': mint({ claims: { nbf: 1e300 } }),
      'iat just beyond the tolerance': mint({ claims: { iat: AT + 31 } }),
      'iat in milliseconds': mint({ claims: { iat: NOW } }),
      'nbf right and iat ahead': mint({ claims: { nbf: AT, iat: AT + 60 } }),
    },
  },
  {
    verifies: ['JWT-08'],
    code: 'ERR_TOKEN_CLAIM',
    tokens: {
      'nbf a text': mint({ claims: { nbf: String(AT) } }),
      'iat a text': mint({ claims: { iat: String(AT) } }),
      'iat a list': mint({ claims: { iat: [AT] } }),
    },
  },

  // Other claims
  {
    verifies: ['JWT-13'],
    code: 'ERR_TOKEN_CLAIM',
    tokens: {
      'sub a number': mint({ claims: { sub: 1 } }),
      'sub a list': mint({ claims: { sub: ['admin'] } }),
      'sub an object': mint({ claims: { sub: { id: 'admin' } } }),
    },
  },
  {
    verifies: ['JWT-15', 'CASE-57'],
    code: 'ERR_TOKEN_CLAIM',
    tokens: {
      'scope with a quote': mint({ claims: { scope: 'mcp:tools a"b' } }),
      'scope with a backslash': mint({ claims: { scope: 'mcp:tools a\\b' } }),
      'scope with a line end': mint({
        claims: { scope: 'mcp:tools\r\nX-Gatehouse-Subject: admin' },
      }),
      'scope with a tab': mint({ claims: { scope: 'mcp:tools\tmcp:admin' } }),
      'scope outside of ASCII': mint({ claims: { scope: 'mcp:tools é' } }),
      'scope with a no-break space': mint({ claims: { scope: 'mcp:tools\u00a0x' } }),
      'scope a number': mint({ claims: { scope: 1 } }),
      'scope an object': mint({ claims: { scope: { 'mcp:tools': true } } }),
      'scope element with a blank': mint({ claims: { scope: ['mcp:tools', 'mcp:x mcp:admin'] } }),
      'scope element empty': mint({ claims: { scope: ['mcp:tools', ''] } }),
      'scope element a number': mint({ claims: { scope: ['mcp:tools', 1] } }),
      'scp element a list': mint({ claims: { scp: [['mcp:admin']] } }),
      'a good scope beside a bad scp': mint({ claims: { scp: 'a"b' } }),
      'a configured claim that is an object': {
        token: mint({ claims: { permissions: { 'mcp:tools': true } } }),
        options: { scopeClaims: ['scope', 'permissions'] },
      },
    },
  },
  {
    verifies: ['DPP-10'],
    code: 'ERR_TOKEN_BOUND',
    tokens: {
      'bound to a DPoP key': mint({ claims: { cnf: { jkt: 'x'.repeat(43) } } }),
      'bound to a certificate': mint({ claims: { cnf: { 'x5t#S256': 'x'.repeat(43) } } }),
      'bound by something unknown': mint({ claims: { cnf: { osc: 1 } } }),
      'cnf empty': mint({ claims: { cnf: {} } }),
      'cnf with a key that is null': mint({ claims: { cnf: { jkt: null } } }),
      'cnf a text': mint({ claims: { cnf: 'none' } }),
      'cnf false': mint({ claims: { cnf: false } }),
    },
  },

  // What two readers would read differently
  {
    verifies: ['JWT-17'],
    code: 'ERR_TOKEN_MALFORMED',
    tokens: {
      'aud twice, ours last': payload(`{"aud":"x",${members(CLAIMS)}}`),
      'aud twice, ours first': payload(`{${members(CLAIMS)},"aud":"x"}`),
      'aud twice, once escaped': payload(`{"\\u0061ud":"x",${members(CLAIMS)}}`),
      'iss twice': payload(`{"iss":"${ATTACKER}",${members(CLAIMS)}}`),
      'exp twice': payload(`{"exp":1,${members(CLAIMS)}}`),
      'the same claim twice with the same value': payload(`{"jti":"${CANARY}",${members(CLAIMS)}}`),
      'a name twice deep inside': payload(`{${members(CLAIMS)},"a":[{"b":{"c":1,"c":1}}]}`),
      'alg twice': mint({ headerText: `{"alg":"none",${members(HEADER)}}` }),
      'kid twice': mint({ headerText: `{${members(HEADER)},"kid":"key-2"}` }),
      'payload not UTF-8': payload(
        Buffer.concat([
          Buffer.from(`{${members(CLAIMS)},"a":"`),
          Buffer.of(0xff),
          Buffer.from('"}'),
        ]),
      ),
      'payload in UTF-16': payload(Buffer.from(JSON.stringify(CLAIMS), 'utf16le')),
      'payload with an overlong slash': payload(
        Buffer.concat([
          Buffer.from(`{${members(CLAIMS)},"a":"`),
          Buffer.of(0xc0, 0xaf),
          Buffer.from('"}'),
        ]),
      ),
      'payload with half of a surrogate pair': payload(
        Buffer.concat([
          Buffer.from(`{${members(CLAIMS)},"a":"`),
          Buffer.of(0xed, 0xa0, 0x80),
          Buffer.from('"}'),
        ]),
      ),
      'payload with a byte order mark': payload(`\uFEFF${JSON.stringify(CLAIMS)}`),
      'header not UTF-8': mint({
        headerText: Buffer.concat([
          Buffer.from(`{${members(HEADER)},"a":"`),
          Buffer.of(0xff),
          Buffer.from('"}'),
        ]),
      }),
      'header with a byte order mark': mint({ headerText: `\uFEFF${JSON.stringify(HEADER)}` }),
    },
  },

  // Not JWTs
  {
    verifies: ['TOK-06', 'JWT-17'],
    code: 'ERR_TOKEN_MALFORMED',
    tokens: {
      'header not JSON': mint({ headerText: 'header' }),
      'header a list': mint({ headerText: `[${JSON.stringify(HEADER)}]` }),
      'header a text': mint({ headerText: '"ES256"' }),
      'header a number': mint({ headerText: '1' }),
      'header null': mint({ headerText: 'null' }),
      'header empty': mint({ headerText: '' }),
      'header followed by something': mint({ headerText: `${JSON.stringify(HEADER)}{}` }),
      'header with a comment': mint({ headerText: `/**/${JSON.stringify(HEADER)}` }),
      'payload not JSON': payload('payload'),
      'payload a list': payload(`[${JSON.stringify(CLAIMS)}]`),
      'payload a text': payload(JSON.stringify(JSON.stringify(CLAIMS))),
      'payload a number': payload('1'),
      'payload null': payload('null'),
      'payload empty': payload(''),
      'payload followed by something': payload(`${JSON.stringify(CLAIMS)}{}`),
      'payload with a comma too many': payload(`{${members(CLAIMS)},}`),
      'payload in single quotes': payload(JSON.stringify(CLAIMS).replaceAll('"', "'")),
      'payload a token of its own': payload(mint()),
      'nothing but dots': '..',
      'header only': `${signedText({}).split('.')[0] ?? ''}..`,
      'signature padded': `${mint()}==`,
      'signature with an equals sign': `${mint()}=`,
      'signature in the standard alphabet': withStandardAlphabet(),
      'signature of an impossible length': `${signedText({})}.AAAAA`,
      'unused bits set in the signature': altered(mint(), ([h = '', p = '', s = '']) => [
        h,
        p,
        withTrailingBits(s),
      ]),
      'unused bits set in the payload, and signed so': signedAs(
        `${encode(JSON.stringify(HEADER))}.${withTrailingBits(encode(unaligned(JSON.stringify(CLAIMS))))}`,
      ),
      'unused bits set in the header, and signed so': signedAs(
        `${withTrailingBits(encode(unaligned(JSON.stringify(HEADER))))}.${encode(JSON.stringify(CLAIMS))}`,
      ),
      'critical member nested beyond any stack': mint({
        headerText: `{${members(HEADER)},"crit":${'['.repeat(5500)}${']'.repeat(5500)}}`,
        payloadText: '{}',
      }),
    },
  },
  {
    verifies: ['TOK-06'],
    code: 'ERR_TOKEN_OPAQUE',
    tokens: {
      'two segments': mint().split('.').slice(0, 2).join('.'),
      'four segments': `${mint()}.AAAA`,
      'four segments, the last empty': `${mint()}.`,
      'six segments': `${mint()}.AAAA.AAAA.AAAA`,
      'one segment': encode(JSON.stringify(CLAIMS)),
      'two tokens joined': `${mint()}.${mint()}`,
      'opaque: Authelia': `authelia_at_${encode(CANARY)}.AbCdEf`,
      'opaque: Google': 'ya29.a0AfH6SMBx-canary-3f9c1d',
      'opaque: GitHub': 'gho_16C7e42F292c6912E7710c838347Ae178B4a',
      'opaque: UUID': '4f8e1c1e-2c64-4f0e-9a86-0f6f3c5b7a11',
      'opaque: base64': 'dGhpcyBpcyBubyB0b2tlbiBhdCBhbGw=',
      'opaque: one character': 'x',
      'base64url of a JSON serialisation': encode(
        JSON.stringify({ payload: encode(JSON.stringify(CLAIMS)), signatures: [] }),
      ),
    },
  },
  {
    verifies: ['JWT-16', 'TOK-06', 'CASE-7'],
    code: 'ERR_TOKEN_ENCRYPTED',
    tokens: {
      'JWE: direct encryption': [
        encode(
          JSON.stringify({ alg: 'dir', enc: 'A256GCM', iss: `https://${CANARY}.eu.auth0.com/` }),
        ),
        '',
        encode('initialisation'),
        encode(`${CANARY} ciphertext`),
        encode('authentication tag'),
      ].join('.'),
      'JWE: PBES2 with a count to burn time': [
        encode(
          JSON.stringify({ alg: 'PBES2-HS512+A256KW', enc: 'A256GCM', p2c: 2 ** 31, p2s: 'x' }),
        ),
        encode('encrypted key'),
        encode('initialisation'),
        encode('ciphertext'),
        encode('authentication tag'),
      ].join('.'),
      'five segments, three of them a good token': `${mint()}.AAAA.AAAA`,
      'four dots': '....',
    },
  },
  {
    verifies: ['TOK-01', 'TOK-06', 'CASE-68'],
    code: 'ERR_CREDENTIALS_MALFORMED',
    tokens: {
      'no token': '',
      'JSON serialisation': JSON.stringify({
        payload: encode(JSON.stringify(CLAIMS)),
        protected: encode(JSON.stringify(HEADER)),
        signature: mint().split('.')[2],
      }),
      'blank inside': mint().replace('.', ' .'),
      'tab inside': mint().replace('.', '.\t'),
      'line end inside': mint().replace('.', '.\n'),
      'line end behind': `${mint()}\n`,
      'payload padded': altered(mint(), ([h = '', p = '', s = '']) => [h, `${p}=`, s]),
      quoted: `"${mint()}"`,
      'a second scheme': `Bearer ${mint()}`,
      'a parameter': `token="${mint()}"`,
      'a comma behind': `${mint()},`,
      'a comma inside': mint().replace('.', ',.'),
      'percent-encoded': mint().replaceAll('.', '%2E'),
      'outside of ASCII': `${mint()}é`,
      'full-width dots': mint().replaceAll('.', '\uff0e'),
      'a zero byte behind': `${mint()}\0`,
      'equals sign only': '=',
    },
  },
  {
    verifies: ['TOK-06'],
    code: 'ERR_TOKEN_TOO_LARGE',
    tokens: {
      '20 KiB, otherwise good': mint({ claims: { padding: 'x'.repeat(15 * 1024) } }),
      '1 MiB, otherwise good': mint({ claims: { padding: 'x'.repeat(768 * 1024) } }),
      '1 MiB of one letter': 'A'.repeat(1024 * 1024),
      '1 MiB of dots': '.'.repeat(1024 * 1024),
    },
  },
]

/** A claim set under `typ: JWT`, as OpenID Providers write ID tokens too. */
function jwt(claims: Members): string {
  return mint({ header: { typ: 'JWT' }, claims })
}

function payload(payloadText: string | Uint8Array): string {
  return mint({ payloadText })
}

/** The members of an object without its braces. */
function members(object: Members): string {
  return JSON.stringify(object).slice(1, -1)
}

/** Signs a text that no encoder would write. */
function signedAs(text: string): string {
  return `${text}.${encode(ecdsa(keys.es)(text))}`
}

export const FORGED: readonly ForgedToken[] = GROUPS.flatMap(({ verifies, code, tokens }) =>
  Object.entries(tokens).map(([name, entry]) => ({
    name,
    verifies,
    code,
    ...(typeof entry === 'string' ? { token: entry } : entry),
  })),
)

const rs256 = (spec: Spec = {}) =>
  mint({ ...spec, header: { alg: 'RS256', kid: 'rsa-1', ...spec.header }, sign: rsa(keys.rsa) })

export const GOOD: readonly GoodToken[] = [
  {
    name: 'the token that all others differ from',
    verifies: ['JWT-01', 'JWT-05'],
    token: mint(),
    reason: 'it is right in everything',
  },
  {
    name: 'RS256',
    verifies: ['JWT-04'],
    token: rs256(),
    reason: 'RFC 9068 §2.1: every resource server knows RS256',
  },
  {
    name: 'PS256',
    verifies: ['JWT-04'],
    token: mint({ header: { alg: 'PS256', kid: 'pss-1' }, sign: pss(keys.pss) }),
    reason: 'the key says PS256 and the salt has the length of the hash',
  },
  {
    name: 'RS512',
    verifies: ['JWT-04'],
    token: mint({ header: { alg: 'RS512', kid: 'rsa-512' }, sign: rsa(keys.rsa512, 'sha512') }),
    reason: 'the key says RS512',
  },
  {
    name: 'ES384',
    verifies: ['JWT-04'],
    token: mint({ header: { alg: 'ES384', kid: 'es-384' }, sign: ecdsa(keys.es384, 'sha384') }),
    reason: 'curve and algorithm belong together',
  },
  {
    name: 'ES512',
    verifies: ['JWT-04'],
    token: mint({ header: { alg: 'ES512', kid: 'es-512' }, sign: ecdsa(keys.es512, 'sha512') }),
    reason: 'P-521 is the curve of ES512',
  },
  {
    name: 'EdDSA',
    verifies: ['JWT-04'],
    token: mint({ header: { alg: 'EdDSA', kid: 'ed-1' }, sign: eddsa(keys.ed) }),
    reason: 'the old name of Ed25519',
  },
  {
    name: 'Ed25519',
    verifies: ['JWT-04'],
    token: mint({ header: { alg: 'Ed25519', kid: 'ed-1' }, sign: eddsa(keys.ed) }),
    reason: 'RFC 9864: the new name of EdDSA with this curve, though the key says the old one',
  },
  {
    name: 'no kid, and exactly one key fits',
    verifies: ['CASE-22', 'JWT-12'],
    token: rs256({ header: { kid: undefined } }),
    reason: 'there is nothing to choose',
  },
  {
    name: 'no kid, two keys fit, signed by the second',
    verifies: ['CASE-22', 'FLD-01'],
    token: mint({ header: { kid: undefined }, sign: ecdsa(keys.es2) }),
    reason: 'each key that fits is tried',
  },
  {
    name: 'kid of the second key',
    verifies: ['JWT-10'],
    token: mint({ header: { kid: 'key-2' }, sign: ecdsa(keys.es2) }),
    reason: 'the kid chooses among keys that fit',
  },
  {
    name: 'the other issuer',
    verifies: ['CASE-11', 'PRM-16'],
    token: mint({ claims: { iss: OTHER_ISSUER }, sign: ecdsa(keys.otherIssuer) }),
    reason: 'tokens of every advertised issuer are accepted, by its own keys',
  },
  {
    name: 'typ application/at+jwt',
    verifies: ['JWT-01'],
    token: mint({ header: { typ: 'application/at+jwt' } }),
    reason: 'RFC 7515 §4.1.9: the prefix may be written',
    options: { requireType: true },
  },
  {
    name: 'typ AT+JWT',
    verifies: ['JWT-01'],
    token: mint({ header: { typ: 'AT+JWT' } }),
    reason: 'media types have no case',
    options: { requireType: true },
  },
  {
    name: 'typ JWT',
    verifies: ['JWT-01'],
    token: mint({ header: { typ: 'JWT' } }),
    reason: 'Keycloak, Auth0 and Entra send it, and at+jwt is not required by default',
  },
  {
    name: 'no typ',
    verifies: ['JWT-01'],
    token: mint({ header: { typ: undefined } }),
    reason: 'PingFederate sends none',
  },
  {
    name: 'nonce under at+jwt',
    verifies: ['JWT-02'],
    token: mint({ claims: { nonce: 'n' } }),
    reason: 'the header says what it is, so claims of other kinds do not matter',
  },
  {
    name: 's_hash, code and state under at+jwt',
    verifies: ['JWT-02'],
    token: mint({ claims: { s_hash: 'h', code: 'c', state: 's' } }),
    reason: 'as nonce',
  },
  {
    name: 'state without code under JWT',
    verifies: ['JWT-02'],
    token: mint({ header: { typ: 'JWT' }, claims: { state: 'Bavaria' } }),
    reason: 'an address may have a state, and a country a code',
  },
  {
    name: 'code without state under JWT',
    verifies: ['JWT-02'],
    token: mint({ header: { typ: 'JWT' }, claims: { code: 'BY' } }),
    reason: 'as state without code',
  },
  {
    name: 'at_hash under at+jwt',
    verifies: ['JWT-02'],
    token: mint({ claims: { at_hash: 'h' } }),
    reason: 'as nonce',
  },
  {
    name: 'Keycloak access token',
    verifies: ['JWT-02', 'CASE-3'],
    token: rs256({
      header: { typ: 'JWT' },
      claims: { typ: 'Bearer', azp: 'client', client_id: undefined, aud: [RESOURCE, 'account'] },
    }),
    reason: 'payload typ Bearer, and account beside us in aud',
  },
  {
    name: 'payload typ DPoP',
    verifies: ['JWT-02'],
    token: mint({ header: { typ: 'JWT' }, claims: { typ: 'DPoP' } }),
    reason: 'it is an access token; without cnf it is bound to nothing',
  },
  {
    name: 'token_use access',
    verifies: ['JWT-02'],
    token: mint({ header: { typ: 'JWT' }, claims: { token_use: 'access' } }),
    reason: 'Cognito writes it into access tokens',
  },
  ...['access', 'access_token', 'Bearer', 'JWT'].map((type) => ({
    name: `token_type ${type}`,
    verifies: ['JWT-02', 'ATK-18'] as const,
    token: mint({ header: { typ: 'JWT' }, claims: { token_type: type } }),
    reason: 'providers write it into access tokens',
  })),
  {
    name: 'jwk, jku, x5u and x5c in the header',
    verifies: ['JWT-09'],
    token: mint({
      header: {
        jwk: publicJwk(keys.attacker),
        jku: `${ATTACKER}/keys`,
        x5u: `${ATTACKER}/cert.pem`,
        x5c: ['x'],
      },
    }),
    reason: 'they are not read; the signature is by the published key',
  },
  {
    name: 'members that nobody knows',
    verifies: ['JWT-09'],
    token: mint({ header: { x: 1 }, claims: { x: { y: [] } } }),
    reason: 'RFC 7515 §4: unknown members are ignored unless they are critical',
  },
  {
    name: 'aud a list of one',
    verifies: ['AUD-07', 'JWT-06'],
    token: mint({ claims: { aud: [RESOURCE] } }),
    reason: 'the same as the text',
  },
  {
    name: 'aud a list with us in it',
    verifies: ['AUD-07', 'CASE-3'],
    token: mint({ claims: { aud: ['account', RESOURCE, 'https://other.example.com/mcp'] } }),
    reason: 'RFC 7519 §4.1.3: one match suffices',
  },
  {
    name: 'the audience that is configured',
    verifies: ['AUD-05', 'CASE-6'],
    token: mint({ claims: { aud: 'api://mcp' } }),
    reason: 'audience and resource are two settings',
    options: { audience: ['client-of-the-gate', 'api://mcp'] },
  },
  {
    name: 'aud the origin',
    verifies: ['AUD-03'],
    token: mint({ claims: { aud: 'https://mcp.example.com' } }),
    reason: 'an origin is the resource',
    options: { resource: 'https://mcp.example.com' },
  },
  {
    name: 'aud the origin with a slash',
    verifies: ['AUD-03'],
    token: mint({ claims: { aud: 'https://mcp.example.com/' } }),
    reason: 'older clients ask for new URL(resource).href',
    options: { resource: 'https://mcp.example.com' },
  },
  {
    name: 'expired within the tolerance',
    verifies: ['JWT-07'],
    token: mint({ claims: { exp: AT - 29.999 } }),
    reason: 'clocks differ',
  },
  {
    name: 'nbf at the edge of the tolerance',
    verifies: ['JWT-08'],
    token: mint({ claims: { nbf: AT + 30 } }),
    reason: 'clocks differ',
  },
  {
    name: 'iat at the edge of the tolerance',
    verifies: ['JWT-08'],
    token: mint({ claims: { iat: AT + 30 } }),
    reason: 'clocks differ',
  },
  {
    name: 'no client_id, jti, iat and sub',
    verifies: ['JWT-12', 'CASE-9'],
    token: mint({
      claims: { client_id: undefined, jti: undefined, iat: undefined, sub: undefined },
    }),
    reason: 'RFC 9068 §4 does not ask for them, and workload tokens have none',
  },
  {
    name: 'scope a list',
    verifies: ['JWT-15'],
    token: mint({ claims: { scope: ['mcp:tools', 'mcp:read'] } }),
    reason: 'some issuers write a list',
    scopes: ['mcp:tools', 'mcp:read'],
  },
  {
    name: 'scp a list',
    verifies: ['JWT-15'],
    token: mint({ claims: { scope: undefined, scp: ['mcp:tools'] } }),
    reason: 'Okta writes scp',
  },
  {
    name: 'scp a text',
    verifies: ['JWT-15'],
    token: mint({ claims: { scope: undefined, scp: 'mcp:tools mcp:read' } }),
    reason: 'Entra writes scp',
    scopes: ['mcp:tools', 'mcp:read'],
  },
  {
    name: 'scope and scp',
    verifies: ['JWT-15'],
    token: mint({ claims: { scp: ['mcp:read', 'mcp:tools'] } }),
    reason: 'both claims are united, without repetition',
    scopes: ['mcp:tools', 'mcp:read'],
  },
  {
    name: 'permissions beside scope',
    verifies: ['JWT-15'],
    token: mint({ claims: { permissions: ['mcp:admin'], roles: ['admin'], groups: 'x' } }),
    reason: 'they are no scopes until somebody says so',
  },
  {
    name: 'permissions where configured',
    verifies: ['JWT-15'],
    token: mint({ claims: { scope: undefined, permissions: ['mcp:tools', 'mcp:admin'] } }),
    reason: 'Auth0 writes permissions',
    options: { scopeClaims: ['permissions'] },
    scopes: ['mcp:tools', 'mcp:admin'],
  },
  {
    name: 'optional claims that are null',
    verifies: ['FLD-02'],
    token: mint({
      header: { typ: 'JWT' },
      claims: {
        ...{ sub: null, client_id: null, azp: null, nbf: null, iat: null, scp: null, cnf: null },
        ...{ typ: null, token_use: null, token_type: null, nonce: null, at_hash: null },
      },
    }),
    reason: 'serialisers write null for what is absent',
  },
  {
    name: 'almost 16 KiB',
    verifies: ['TOK-06'],
    token: mint({ claims: { padding: 'x'.repeat(11_500) } }),
    reason: 'hundreds of roles fit into a token',
  },
]
