/**
 * A provider as Entra is: it refuses scopes without the Application ID URI, and its tokens hold them without it.
 */
import type { Configuration } from 'oidc-provider'
import { startIdp, type Idp } from '../../examples/demo/idp.js'

export const PREFIX = 'api://7a1c/'
/** As tokens hold it. */
export const SHORT = 'mcp.use'
/** As clients have to ask for it. */
export const FULL = `${PREFIX}${SHORT}`

const ENTRA: Configuration = {
  formats: {
    customizers: {
      jwt: (_ctx, _token, { payload }) => {
        payload['scp'] = String(payload['scope']).replaceAll(PREFIX, '')
        delete payload['scope']
      },
    },
  },
}

export async function startEntraLike(): Promise<Idp> {
  const idp = await startIdp([FULL], ENTRA)
  idp.provider.use(async (ctx, next) => {
    const scopes = String(ctx.query['scope'] ?? '').split(' ')
    if (ctx.path === '/auth' && !scopes.includes(FULL)) {
      ctx.throw(400, `AADSTS650053: asked for ${scopes.join(' ')}`)
    }
    await next()
  })
  return idp
}
