/** The folder in which a reader types the commands of Keycloak's guide. */
import { Workspace } from '../support/workspace.js'
import { JAVA_OPTIONS } from './server.js'

export function createWorkspace(ports: Readonly<Record<string, number>>): Workspace {
  const { JAVA_HOME } = process.env
  return new Workspace(ports, (home) => ({
    ...(JAVA_HOME !== undefined && { JAVA_HOME }),
    ...JAVA_OPTIONS,
    // kcadm.sh keeps its login in the home of its user.
    KC_OPTS: `-Duser.home=${home}`,
  }))
}
