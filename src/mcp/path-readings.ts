/**
 * The paths that servers read from the path of a URI. Some drop the parameters of segments (`;…`),
 * repeated slashes and last slashes, or decode again, in any order.
 *
 * @module
 */
import { decodeAgain } from './resource-uri.js'

/** How one path may be read. */
export interface PathReadings {
  /** As it was written, and with any of its parameters dropped. */
  readonly kept: readonly string[]
  /** These, without last slashes, and without what a server that decodes first takes for a query. */
  readonly all: readonly string[]
}

/** Each is compared with each pattern. Real paths have one or two parameters. */
const MOST_READINGS = 8

/**
 * Each segment is cut at any of its semicolons: a server may drop parameters before it decodes, and
 * then an encoded semicolon is a part of the name.
 *
 * @returns `undefined` if there are too many
 */
function cutsOf(path: string): readonly string[] | undefined {
  if (!path.includes(';')) return [path]
  let readings: readonly string[] = ['']
  for (const [index, text] of path.split(/(;[^/]*)/).entries()) {
    // Every second one is all parameters of a segment.
    const parts = index % 2 === 0 ? [] : text.split(';')
    if (readings.length * parts.length > MOST_READINGS) return undefined
    const ends =
      index % 2 === 0 ? [text] : parts.map((_, last) => parts.slice(0, last + 1).join(';'))
    readings = readings.flatMap((start) => ends.map((end) => start + end))
  }
  return readings
}

/** Empty segments are dropped: of `/;a/b`, servers make `//b`, and then `/b`. */
export function collapsePath(path: string): string {
  return path.replace(/\/{2,}/g, '/')
}

function readingsOf(texts: readonly string[]): readonly string[] | undefined {
  const cuts = texts.map((text) => cutsOf(text))
  if (cuts.includes(undefined)) return undefined
  return [...new Set(cuts.flatMap((each) => each ?? []).map((each) => collapsePath(each)))]
}

/** A server that decodes first takes the rest for a query or a fragment. */
function beforeQuery(path: string): string {
  return path.replace(/[?#].*$/s, '')
}

/**
 * All results of these operations, whatever their order.
 *
 * @param path decoded
 * @returns `undefined` if there are too many
 */
export function readPath(path: string): PathReadings | undefined {
  const texts = [...new Set([path, decodeAgain(path)])]
  const kept = readingsOf(texts)
  const all = readingsOf([...new Set([...texts, ...texts.map((text) => beforeQuery(text))])])
  if (kept === undefined || all === undefined || all.length > MOST_READINGS) return undefined
  const withSlash = all.filter((each) => each.length > 1 && each.endsWith('/'))
  return { kept, all: [...all, ...withSlash.map((each) => each.slice(0, -1))] }
}
