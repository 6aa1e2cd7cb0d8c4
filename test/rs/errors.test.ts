/** Errors of this package, also where an application has it twice. */
import { AuthorizationServerError, BearerTokenError, ConfigurationError } from 'mcp-gatehouse'
import { describe, expect, test, vi } from 'vitest'

/** The same package once more, as a second copy in `node_modules` is. */
async function secondCopy(): Promise<typeof import('mcp-gatehouse')> {
  vi.resetModules()
  return import('mcp-gatehouse')
}

describe('errors of two copies of the package', () => {
  test('are instances of the same class of the other copy, and of no other class', async () => {
    const other = await secondCopy()
    expect(other.BearerTokenError).not.toBe(BearerTokenError)
    const errors = {
      bearer: new other.BearerTokenError('ERR_TOKEN_EXPIRED', 'expired', 'exp'),
      server: new other.AuthorizationServerError('ERR_KEYS_UNAVAILABLE', 'https://a.example', 'no'),
      configuration: new other.ConfigurationError([]),
    }
    expect(errors.bearer).toBeInstanceOf(BearerTokenError)
    expect(errors.server).toBeInstanceOf(AuthorizationServerError)
    expect(errors.configuration).toBeInstanceOf(ConfigurationError)
    expect(errors.bearer).not.toBeInstanceOf(ConfigurationError)
    expect(errors.server).not.toBeInstanceOf(BearerTokenError)
    for (const error of Object.values(errors)) expect(error).toBeInstanceOf(Error)
  })

  test('look-alikes and classes that are derived are told apart', () => {
    class Own extends ConfigurationError {}
    expect(new Own([])).toBeInstanceOf(ConfigurationError)
    expect(new ConfigurationError([])).not.toBeInstanceOf(Own)
    expect(Object.assign(new Error('x'), { name: 'ConfigurationError' })).not.toBeInstanceOf(
      ConfigurationError,
    )
    for (const value of [undefined, null, 'ConfigurationError', {}]) {
      expect(value instanceof ConfigurationError).toBe(false)
    }
  })

  test('the brand is not printed', () => {
    expect(Object.keys(new BearerTokenError('ERR_TOKEN_EXPIRED', 'expired', 'exp')).sort()).toEqual(
      ['claim', 'code', 'name'],
    )
  })
})
