/** URIs as Python reads them: what a policy allows is no other name of what it closes. */
import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { expect } from 'vitest'
import {
  isClosedPath,
  isOfClosedPlace,
  judgeUri,
  openRules,
  trickyUris,
} from '../support/uri-readings.js'
import { verifies } from '../support/verifies.js'

/** All paths that a server may find: with and without parameters of its last segment, decoded, put in order. */
const READER = `
import json, posixpath, sys
from urllib.parse import unquote, urlparse, urlsplit
def paths(uri):
    for read in (urlsplit, urlparse):
        try: path = read(uri).path
        except ValueError: continue
        yield '/' + posixpath.normpath(unquote(path)).lstrip('/')
print(json.dumps([list(paths(uri)) for uri in json.load(sys.stdin)]))
`

verifies('ATK-10', 'what is allowed is no name of what is closed, for Python', () => {
  const numRuns = Number(process.env['URI_RUNS'] ?? 20_000)
  const cases = fc.sample(
    fc.tuple(trickyUris, openRules, fc.constantFrom('deny' as const, 'base' as const)),
    numRuns,
  )
  const uris = cases.map(([uri]) => uri)
  const answer = execFileSync('python3', ['-c', READER], {
    input: JSON.stringify(uris),
    maxBuffer: 2 ** 30,
    encoding: 'utf8',
  })
  const readings = JSON.parse(answer) as string[][]
  const counts = { open: 0, closed: 0, refused: 0, tempting: 0 }
  const holes = cases.flatMap(([uri, opening, unmatched], index) => {
    const verdict = judgeUri(uri, opening, unmatched)
    counts[verdict]++
    const hits = isOfClosedPlace(uri) ? (readings[index] ?? []).filter(isClosedPath) : []
    if (hits.length > 0) counts.tempting++
    return verdict === 'open' && hits.length > 0 ? [{ uri, opening, unmatched, hits }] : []
  })
  expect(holes).toEqual([])
  expect(Math.min(...Object.values(counts))).toBeGreaterThan(numRuns / 50)
  if (process.env['URI_RUNS'] !== undefined) console.log(counts)
})
