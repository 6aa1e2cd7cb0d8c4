/**
 * Our own credentials at the introspection endpoint: where they come from, and whether they fit
 * together. Problems never show any part of them.
 *
 * @module
 */
import type { ConfigurationProblem } from '../errors.js'
import { readFault, shownFile, type ReadFile } from './named-file.js'
import type { IntrospectionAuthentication } from '../introspect/authentication-methods.js'
import { authenticationFor } from '../introspect/dialects.js'
import { KEY_FORMS, readPrivateKey } from '../introspect/private-key.js'
import { environmentNameOf, flagOf, memberOf } from './names.js'
import { EVERYWHERE, type Settings } from './setting-table.js'
import type { GivenValues } from './setting.js'

export interface Credentials {
  readonly clientSecret?: string
  /** PEM or JWK. */
  readonly clientKey?: string
}

/** How we authenticate: as configured, or else as the provider's dialect has it. */
export function authenticationOf(
  { oauth }: Pick<Settings, 'oauth'>,
  given: GivenValues,
): IntrospectionAuthentication {
  return given.has('oauth.introspectionAuth')
    ? oauth.introspectionAuth
    : authenticationFor(oauth.introspectionDialect)
}

/** Settings that do nothing without a client id. */
const NEED_CLIENT = EVERYWHERE.filter(({ needs }) => needs === 'client').map(({ path }) => path)

const SECRET = `${flagOf('oauth.clientSecretFile')} FILE, or ${environmentNameOf('oauth.clientSecret')} in the environment`
const LISTED_SECRET = 'clientSecretFile beside its issuer'

/**
 * Reads the files, and reports what is missing, superfluous, or unusable.
 *
 * @param isListed whether they are beside their issuer in a config file, where no flag can set them
 */
export function readCredentials(
  { oauth }: Settings,
  given: GivenValues,
  readFile: ReadFile,
  isListed: boolean,
): { readonly credentials: Credentials; readonly problems: readonly ConfigurationProblem[] } {
  const problems: ConfigurationProblem[] = []
  const secretHint = isListed ? LISTED_SECRET : SECRET
  const nameOf = (setting: string) =>
    isListed ? `${memberOf(setting)} beside its issuer` : flagOf(setting)
  const problem = (setting: string, message: string, hint: string) => {
    problems.push({ path: given.get(setting)?.source ?? flagOf(setting), message, hint })
  }
  const { clientId, clientSecret, clientSecretFile, clientKeyFile } = oauth
  const authentication = authenticationOf({ oauth }, given)

  const fileFault = (setting: string, file: string | undefined, fault: string, hint: string) => {
    problem(setting, `${shownFile(file ?? '')} ${fault}`, hint)
  }

  function read(setting: string, file: string | undefined): string | undefined {
    if (file === undefined) return undefined
    try {
      // Editors add a line end to the last line.
      return readFile(file).replace(/\r?\n$/, '')
    } catch (error) {
      problem(setting, readFault(file, error), 'a file that holds it and nothing else')
      return undefined
    }
  }

  const secretOfFile = read('oauth.clientSecretFile', clientSecretFile)
  const clientKey = read('oauth.clientKeyFile', clientKeyFile)
  if (secretOfFile === '') {
    fileFault('oauth.clientSecretFile', clientSecretFile, 'is empty', secretHint)
  }
  const key = clientKey === undefined ? undefined : readPrivateKey(clientKey)
  if (key?.type === 'none') fileFault('oauth.clientKeyFile', clientKeyFile, key.fault, KEY_FORMS)
  if (clientSecret !== undefined && clientSecretFile !== undefined) {
    problem('oauth.clientSecretFile', 'is given together with the secret itself', 'keep one')
  }
  const secret = secretOfFile ?? clientSecret
  if (clientId === undefined) {
    for (const setting of NEED_CLIENT.filter((each) => given.has(each))) {
      problem(setting, `needs ${nameOf('oauth.clientId')}`, 'the client of this resource server')
    }
    const hint = `${nameOf('oauth.clientId')}: the client of this resource server`
    if (oauth.validation === 'introspection') {
      problem('oauth.validation', 'introspection needs a client id', hint)
    }
    if (oauth.introspectionDialect !== 'rfc7662') {
      problem('oauth.introspectionDialect', 'introspection needs a client id', hint)
    }
  } else if (authentication === 'private_key_jwt') {
    if (clientKeyFile === undefined) {
      const hint = isListed
        ? nameOf('oauth.clientKeyFile')
        : `${flagOf('oauth.clientKeyFile')} FILE`
      problem('oauth.introspectionAuth', 'private_key_jwt needs a key', hint)
    }
  } else if (authentication !== 'none' && secret === undefined && clientSecretFile === undefined) {
    problem('oauth.clientId', 'has no secret', secretHint)
  }
  return {
    credentials: {
      ...(secret !== undefined && { clientSecret: secret }),
      ...(clientKey !== undefined && { clientKey }),
    },
    problems,
  }
}
