/** Every fault that can be planted. */
import { ATTACK_FAULTS } from './attack-faults.js'
import { BRIDGE_FAULTS } from './bridge-faults.js'
import { CONNECTION_FAULTS } from './connection-faults.js'
import { DIALECT_FAULTS } from './dialect-faults.js'
import { DOCTOR_FAULTS } from './doctor-faults.js'
import { FIELD_FAULTS } from './field-faults.js'
import { IDENTITY_FAULTS } from './identity-faults.js'
import { ISSUER_FAULTS } from './issuer-faults.js'
import { JUDGEMENT_FAULTS } from './judgement-faults.js'
import { PROVIDER_FAULTS } from './provider-faults.js'
import { PUBLIC_FAULTS } from './public-faults.js'
import { CHILD_FAULTS } from './child-faults.js'
import { FAULTS, type Fault } from './faults.js'
import { GATEWAY_FAULTS } from './gateway-faults.js'
import { INTROSPECTION_FAULTS } from './introspection-faults.js'
import { KEY_FAULTS } from './key-faults.js'
import { LOGIN_FAULTS } from './login-faults.js'
import { MIDDLEWARE_FAULTS } from './middleware-faults.js'
import { OPERATION_FAULTS } from './operation-faults.js'
import { OPTION_FAULTS } from './option-faults.js'
import { POLICY_FAULTS } from './policy-faults.js'
import { WHO_FAULTS } from './who-faults.js'

export const ALL_FAULTS: readonly Fault[] = [
  ...FAULTS,
  ...GATEWAY_FAULTS,
  ...BRIDGE_FAULTS,
  ...INTROSPECTION_FAULTS,
  ...MIDDLEWARE_FAULTS,
  ...OPERATION_FAULTS,
  ...OPTION_FAULTS,
  ...POLICY_FAULTS,
  ...CHILD_FAULTS,
  ...PROVIDER_FAULTS,
  ...JUDGEMENT_FAULTS,
  ...CONNECTION_FAULTS,
  ...FIELD_FAULTS,
  ...LOGIN_FAULTS,
  ...DOCTOR_FAULTS,
  ...WHO_FAULTS,
  ...IDENTITY_FAULTS,
  ...PUBLIC_FAULTS,
  ...ISSUER_FAULTS,
  ...ATTACK_FAULTS,
  ...DIALECT_FAULTS,
  ...KEY_FAULTS,
]
