/**
 * Which settings differ between two readings of a configuration. A running gateway does not take
 * them.
 *
 * @module
 */
import type { Configuration } from './configuration.js'
import { ISSUERS, RESOURCES } from './setting-lists.js'
import type { GivenValues } from './setting.js'

function changedValues(before: GivenValues, after: GivenValues): readonly string[] {
  const valueOf = (values: GivenValues, path: string) => JSON.stringify(values.get(path)?.value)
  const paths = new Set([...before.keys(), ...after.keys()])
  return [...paths].filter((path) => valueOf(before, path) !== valueOf(after, path))
}

/** Compares lists entry by entry, if they have the same length. */
function changedEntries<Entry>(
  before: readonly Entry[],
  after: readonly Entry[],
  list: string,
  compare: (before: Entry, after: Entry) => readonly string[],
): readonly string[] {
  if (before.length !== after.length) return [list]
  return before.flatMap((entry, index) => compare(entry, after[index] as Entry))
}

/** For all connections, and of each issuer. */
function certificatesIn({ files }: Configuration): string {
  const ofIssuers = files.resources.flatMap(({ issuers }) => issuers.map(({ ca }) => ca))
  return JSON.stringify([files.ca, ofIssuers])
}

/** @returns the names of settings, and of lists, without any value */
export function changedSettings(before: Configuration, after: Configuration): readonly string[] {
  const changed = [
    ...changedValues(before.given, after.given),
    ...changedEntries(before.resources, after.resources, RESOURCES, (one, other) => [
      ...changedValues(one.given, other.given),
      ...changedEntries(one.issuers, other.issuers, ISSUERS, (issuer, now) =>
        changedValues(issuer.given, now.given),
      ),
    ]),
    ...(certificatesIn(before) === certificatesIn(after) ? [] : ['caFile']),
  ]
  return [...new Set(changed)]
}
