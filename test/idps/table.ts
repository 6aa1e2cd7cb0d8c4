/** Every shape that is documented or was seen. */
import type { Row } from './row.js'
import { AUTH0 } from './rows/auth0.js'
import { CLOUD } from './rows/cloud.js'
import { KEYCLOAK } from './rows/keycloak.js'
import { OPAQUE_BY_DEFAULT } from './rows/opaque.js'
import { SELF_HOSTED } from './rows/self-hosted.js'

export const ROWS: readonly Row[] = [
  ...KEYCLOAK,
  ...AUTH0,
  ...OPAQUE_BY_DEFAULT,
  ...CLOUD,
  ...SELF_HOSTED,
]
