/**
 * Reading the files that settings name.
 *
 * @module
 */
import type { ConfigurationProblem } from '../errors.js'
import { headerValueFault } from '../gateway/header-rules.js'
import { readCredentials, type Credentials } from './credentials.js'
import { faultOf, readJwks, readKeys, type ReadFile } from './keys.js'
import type { Settings } from './schema.js'
import type { GivenValues } from './setting.js'
import { splitPair } from './values.js'

/** What the files hold. */
export interface SettingFiles {
  /** Reads the file of `oauth.jwksFile` anew; throws when it cannot be read by then. */
  readonly jwks?: () => unknown
  /** PEM certificates. */
  readonly ca?: string
  readonly upstreamHeaders: Readonly<Record<string, string>>
  /** Our own at the introspection endpoint; `undefined` when they have problems. */
  readonly credentials?: Credentials
}

interface ReadFiles {
  readonly files: SettingFiles
  /** The keys as they are now. */
  readonly jwks?: unknown
  readonly problems: readonly ConfigurationProblem[]
}

const PEM = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

/** Why nobody can be trusted by this text, or `undefined`. */
async function certificatesFault(text: string): Promise<string | undefined> {
  const { X509Certificate } = await import('node:crypto')
  const certificates = text.match(PEM)
  if (certificates === null) return 'holds no certificate'
  for (const [index, pem] of certificates.entries()) {
    try {
      // Certificates that cannot be parsed are skipped in silence when they are used.
      void new X509Certificate(pem)
    } catch {
      return `holds a broken certificate (number ${index + 1})`
    }
  }
  return undefined
}

async function readCertificates(file: string, source: string, readFile: ReadFile) {
  let message: string | undefined
  try {
    const ca = readFile(file)
    message = await certificatesFault(ca)
    if (message === undefined) return { ca, problems: [] }
  } catch (error) {
    message = faultOf(error, 'unknown reason')
  }
  const hint = 'a file in PEM: -----BEGIN CERTIFICATE----- and so on'
  return { problems: [{ path: source, message, hint }] }
}

/** @param texts each `NAME=FILE`, with names that may be set */
function readHeaders(texts: readonly string[], source: string, readFile: ReadFile) {
  const headers = new Map<string, readonly [name: string, value: string]>()
  const problems: ConfigurationProblem[] = []
  const hint = "a file that holds the header's value and nothing else, in one line"
  for (const [index, text] of texts.entries()) {
    const problem = (message: string) => {
      problems.push({ path: source, message: `value ${index + 1} ${message}`, hint })
    }
    const [name, file] = splitPair(text) ?? ['', '']
    if (headers.has(name.toLowerCase())) problem('names a header that is there already')
    try {
      // Editors end the last line.
      const value = readFile(file).replace(/\r?\n$/, '')
      const fault = headerValueFault(value)
      if (fault !== undefined) problem(`names a file that ${fault}`)
      headers.set(name.toLowerCase(), [name, value])
    } catch (error) {
      problem(`names a file that ${faultOf(error, 'unknown reason')}`)
    }
  }
  return { headers: Object.fromEntries(headers.values()), problems }
}

/**
 * Reads those that are needed, and tells of all that cannot be used.
 *
 * @param checksTokens whether keys are needed
 */
export async function readFiles(
  settings: Settings,
  given: GivenValues,
  readFile: ReadFile,
  checksTokens: boolean,
): Promise<ReadFiles> {
  const { caFile, upstreamHeader = [], oauth } = settings
  const sourceOf = (path: string) => given.get(path)?.source ?? path
  const keys = checksTokens ? readKeys(given, readFile) : { problems: [] }
  const certificates =
    caFile === undefined
      ? { problems: [] }
      : await readCertificates(caFile, sourceOf('caFile'), readFile)
  const { headers, problems } = readHeaders(upstreamHeader, sourceOf('upstreamHeader'), readFile)
  const { jwksFile } = oauth
  const own = checksTokens
    ? readCredentials(settings, given, readFile)
    : { credentials: {}, problems: [] }
  return {
    files: {
      ...(checksTokens &&
        jwksFile !== undefined && { jwks: (): unknown => readJwks(jwksFile, readFile) }),
      ...('ca' in certificates && { ca: certificates.ca }),
      upstreamHeaders: headers,
      ...(own.problems.length === 0 && { credentials: own.credentials }),
    },
    ...('jwks' in keys && { jwks: keys.jwks }),
    problems: [...keys.problems, ...own.problems, ...certificates.problems, ...problems],
  }
}
