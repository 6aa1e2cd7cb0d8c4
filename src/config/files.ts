/**
 * Reads the files that settings name.
 *
 * @module
 */
import { withoutRepeats, type ConfigurationProblem } from '../errors.js'
import { headerValueFault } from '../gateway/http/operator-headers.js'
import type { PolicyDocument } from '../policy/document.js'
import type { ApiKeysDocument } from '../rs/api-keys.js'
import { SESSION_KEY, sessionKeyFault } from '../web/session-keys.js'
import { readIssuers, type ReadIssuer } from './issuers.js'
import { readFault, shownFile, type ReadFile } from './named-file.js'
import { readApiKeys } from './api-keys-file.js'
import { readPolicy } from './policy-file.js'
import type { ConfiguredResource } from './resources.js'
import type { Settings } from './setting-table.js'
import type { GivenValues } from './setting.js'
import { splitPair } from './values.js'

/** The contents of the files. */
export interface SettingFiles {
  /** PEM certificates. */
  readonly ca?: string
  /** At least one. */
  readonly sessionKeys?: readonly string[]
  readonly resources: readonly ResourceFiles[]
}

/** The contents of the files of one resource. */
interface ResourceFiles {
  /** The issuers whose tokens are accepted. Empty when no token is checked. */
  readonly issuers: readonly ReadIssuer[]
  readonly upstreamHeaders: Readonly<Record<string, string>>
  /** `undefined`: the base scopes suffice for everything. */
  readonly policy: PolicyDocument | undefined
  readonly apiKeys: ApiKeysDocument | undefined
}

interface ReadFiles {
  readonly files: SettingFiles
  /** The issuers of each resource, with the current contents of their key files. */
  readonly issuersNow: readonly (readonly ReadIssuer[])[]
  readonly problems: readonly ConfigurationProblem[]
}

const PEM = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

/** Why this text is not a list of certificates, or `undefined`. */
async function certificatesFault(text: string): Promise<string | undefined> {
  const { X509Certificate } = await import('node:crypto')
  const certificates = text.match(PEM)
  if (certificates === null) return 'holds no certificate'
  for (const [index, pem] of certificates.entries()) {
    try {
      // Node silently skips certificates that it cannot parse.
      void new X509Certificate(pem)
    } catch {
      return `holds a broken certificate (number ${index + 1})`
    }
  }
  return undefined
}

async function readCertificates(file: string, source: string, readFile: ReadFile) {
  let message: string
  try {
    const ca = readFile(file)
    const fault = await certificatesFault(ca)
    if (fault === undefined) return { ca, problems: [] }
    message = `${shownFile(file)} ${fault}`
  } catch (error) {
    message = readFault(file, error)
  }
  const hint = 'a file in PEM: -----BEGIN CERTIFICATE----- and so on'
  return { problems: [{ path: source, message, hint }] }
}

/** @param texts each is `NAME=FILE`, with a name that is allowed */
export function readHeaders(
  texts: readonly string[],
  source: string,
  readFile: ReadFile,
): {
  readonly headers: Readonly<Record<string, string>>
  readonly problems: readonly ConfigurationProblem[]
} {
  const headers = new Map<string, readonly [name: string, value: string]>()
  const problems: ConfigurationProblem[] = []
  const hint = "a file that holds the header's value and nothing else, in one line"
  for (const [index, text] of texts.entries()) {
    const problem = (message: string) => {
      problems.push({ path: source, message: `value ${index + 1}: ${message}`, hint })
    }
    const [name, file] = splitPair(text) ?? ['', '']
    if (headers.has(name.toLowerCase())) problem('this header is set already')
    try {
      // Editors add a line end to the last line.
      const value = readFile(file).replace(/\r?\n$/, '')
      const fault = headerValueFault(value)
      if (fault !== undefined) problem(`${shownFile(file)} ${fault}`)
      headers.set(name.toLowerCase(), [name, value])
    } catch (error) {
      problem(readFault(file, error))
    }
  }
  return { headers: Object.fromEntries(headers.values()), problems }
}

/** Problems never show any part of a key. */
export function readSessionKeys(file: string, source: string, readFile: ReadFile) {
  const problems: ConfigurationProblem[] = []
  const problem = (message: string) => {
    problems.push({ path: source, message, hint: `one per line, each of ${SESSION_KEY}` })
  }
  let sessionKeys: readonly string[] = []
  try {
    // Editors add a line end to the last line.
    sessionKeys = readFile(file)
      .replace(/(?:\r?\n)+$/, '')
      .split(/\r?\n/)
    for (const [index, key] of sessionKeys.entries()) {
      const fault = sessionKeyFault(key)
      if (fault !== undefined) problem(`${shownFile(file)} line ${index + 1} ${fault}`)
    }
  } catch (error) {
    problem(readFault(file, error))
  }
  return { sessionKeys, problems }
}

async function readResource(
  { settings, given, issuers }: ConfiguredResource,
  checksTokens: boolean,
  readFile: ReadFile,
) {
  const { upstreamHeader = [] } = settings
  const source = given.get('upstreamHeader')?.source ?? 'upstreamHeader'
  const { headers, problems: ofHeaders } = readHeaders(upstreamHeader, source, readFile)
  const read = readIssuers(checksTokens ? issuers : [], readFile)
  const certified = await withCertificates(read.issuers, readFile)
  const ofTokens = checksTokens ? given : new Map()
  const policy = readPolicy(ofTokens, readFile)
  const apiKeys = readApiKeys(ofTokens, readFile)
  return {
    files: {
      issuers: certified.issuers,
      upstreamHeaders: headers,
      policy: policy.document,
      apiKeys: apiKeys.document,
    },
    now: read.now,
    ofIssuers: [...read.problems, ...certified.problems],
    ofHeaders,
    ofPolicy: [...policy.problems, ...apiKeys.problems],
  }
}

/** Reads the certificates that issuers have of their own. */
async function withCertificates(issuers: readonly ReadIssuer[], readFile: ReadFile) {
  const read = issuers.map(async (issuer) => {
    const { caFile } = issuer.settings.oauth
    if (caFile === undefined) return { issuer, problems: [] }
    const source = issuer.given.get('oauth.caFile')?.source ?? 'caFile'
    const { problems, ...certificates } = await readCertificates(caFile, source, readFile)
    return { issuer: { ...issuer, ...certificates }, problems }
  })
  const all = await Promise.all(read)
  return {
    issuers: all.map(({ issuer }) => issuer),
    problems: all.flatMap(({ problems }) => problems),
  }
}

/** Reads the files that are needed, and reports every file that cannot be used. */
export async function readFiles(
  { caFile, sessionKeyFile }: Settings,
  given: GivenValues,
  resources: readonly ConfiguredResource[],
  checksTokens: boolean,
  readFile: ReadFile,
): Promise<ReadFiles> {
  const sourceOf = (path: string) => given.get(path)?.source ?? path
  const certificates =
    caFile === undefined
      ? { problems: [] }
      : await readCertificates(caFile, sourceOf('caFile'), readFile)
  const keys =
    sessionKeyFile === undefined
      ? undefined
      : readSessionKeys(sessionKeyFile, sourceOf('sessionKeyFile'), readFile)
  const read = await Promise.all(
    resources.map((each) => readResource(each, checksTokens, readFile)),
  )
  return {
    files: {
      ...('ca' in certificates && { ca: certificates.ca }),
      ...(keys !== undefined && { sessionKeys: keys.sessionKeys }),
      resources: read.map(({ files }) => files),
    },
    issuersNow: read.map(({ now }) => now),
    problems: withoutRepeats([
      ...read.flatMap(({ ofIssuers }) => ofIssuers),
      ...certificates.problems,
      ...(keys?.problems ?? []),
      ...read.flatMap(({ ofHeaders }) => ofHeaders),
      ...read.flatMap(({ ofPolicy }) => ofPolicy),
    ]),
  }
}
