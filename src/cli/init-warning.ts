/**
 * A warning for a container whose first process is the gateway.
 *
 * @module
 */
import type { Configuration } from '../config/configuration.js'

/**
 * Process 1 inherits every process whose parent has ended, and only an init clears them away.
 *
 * @param pid ours
 */
export function initWarnings(
  pid: number,
  { command, resources }: Pick<Configuration, 'command' | 'resources'>,
): readonly string[] {
  const startsCommand = command !== undefined || resources.some(({ own }) => own.has('command'))
  if (pid !== 1 || !startsCommand) return []
  return [
    'this is process 1 and starts a command: processes that the command leaves behind stay as zombies; run it below an init: docker run --init, init: true in Compose, or tini in the image',
  ]
}
