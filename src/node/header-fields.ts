/**
 * Header fields as `writeHead` of `node:http` accepts them.
 *
 * @module
 */

export type Field = readonly [name: string, value: unknown]

/** The fields given to `writeHead`: an object, a list of pairs, or alternating names and values. */
export function fieldsOf(argument: unknown): readonly Field[] {
  if (typeof argument !== 'object' || argument === null) return []
  if (!Array.isArray(argument)) return Object.entries(argument)
  const list: readonly unknown[] = argument
  if (Array.isArray(list[0])) return list as readonly Field[]
  return list.flatMap((name, i) => (i % 2 === 0 ? [[String(name), list[i + 1]]] : []))
}

/** Called for every answer, so it allocates nothing. */
export function valueIn(args: readonly unknown[], wanted: string): string | undefined {
  for (const arg of args) {
    if (typeof arg !== 'object' || arg === null) continue
    if (Array.isArray(arg)) {
      const field = fieldsOf(arg).find(([name]) => isField(name, wanted))
      if (field !== undefined) return String(field[1])
    } else {
      for (const name in arg) {
        if (isField(name, wanted)) return String((arg as Record<string, unknown>)[name])
      }
    }
  }
  return undefined
}

export function isField(name: string, wanted: string): boolean {
  return name.length === wanted.length && name.toLowerCase() === wanted
}
