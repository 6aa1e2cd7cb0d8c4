/**
 * A warning for a container whose first process is the gateway.
 *
 * @module
 */

/**
 * Process 1 inherits every process whose parent has ended, and nobody but it could clear them away.
 *
 * @param pid ours
 * @param startsCommand whether a command will be started, which could leave processes behind
 */
export function initWarnings(pid: number, startsCommand: boolean): readonly string[] {
  if (pid !== 1 || !startsCommand) return []
  return [
    'this is process 1, and starts a command: processes that the command leaves behind would stay as zombies; run it below an init: docker run --init, init: true in Compose, or tini in the image',
  ]
}
