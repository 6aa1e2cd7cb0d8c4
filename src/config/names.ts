/**
 * One name, three spellings: `oauth.jwksMaxAge` = `--oauth-jwks-max-age` = `MCP_GATEHOUSE_OAUTH_JWKS_MAX_AGE`.
 *
 * @module
 */

export const ENVIRONMENT_PREFIX = 'MCP_GATEHOUSE_'

/** The only group. So no setting at the top level may have a name that begins with this word. */
const GROUP = 'oauth'

function wordsOf(path: string): readonly string[] {
  return path.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`).split(/[-.]/)
}

function pathOf(words: readonly string[]): string | undefined {
  if (!words.every((word) => /^[a-z][a-z\d]*$/.test(word))) return undefined
  const grouped = words[0] === GROUP && words.length > 1
  const name = (grouped ? words.slice(1) : words)
    .map((word, index) => (index === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1)))
    .join('')
  return grouped ? `${GROUP}.${name}` : name
}

/** How a config file writes a setting below its group. */
export function memberOf(path: string): string {
  return path.slice(path.indexOf('.') + 1)
}

/** The flag of a setting's path. */
export function flagOf(path: string): string {
  return `--${wordsOf(path).join('-')}`
}

/** The environment name of a setting's path. */
export function environmentNameOf(path: string): string {
  return ENVIRONMENT_PREFIX + wordsOf(path).join('_').toUpperCase()
}

/** The path that a flag spells, whether or not the setting exists. `undefined`: not a flag of this form. */
export function pathOfFlag(flag: string): string | undefined {
  return flag.startsWith('--') ? pathOf(flag.slice(2).split('-')) : undefined
}

/** The path that an environment name spells, whether or not there is such a setting. */
export function pathOfEnvironmentName(name: string): string | undefined {
  if (!name.startsWith(ENVIRONMENT_PREFIX) || name !== name.toUpperCase()) return undefined
  return pathOf(name.slice(ENVIRONMENT_PREFIX.length).toLowerCase().split('_'))
}
