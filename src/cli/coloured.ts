/**
 * Whether to write in colour: on a terminal that shows it, unless people asked for none. It is asked the
 * same everywhere, so that `CI=true`, which only says who started the command, does not take colour from
 * one command and leave it to another.
 *
 * https://no-color.org: any value of `NO_COLOR` that is not empty.
 */
export function isColoured(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  return stream.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'
}
