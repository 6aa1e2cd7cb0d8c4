/** URIs as Python reads them: what a policy allows is no other name of what it closes. */
import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { expect } from 'vitest'
import {
  isClosedParameter,
  isClosedPath,
  isOfClosedPlace,
  isOutside,
  judgeUri,
  narrowRules,
  OPEN_QUERIES,
  openRules,
  trickyQueries,
  trickyUris,
  type Parameter,
} from '../support/uri-readings.js'
import { verifies } from '../support/verifies.js'

/**
 * All paths that a server may find: with and without parameters of segments, decoded, put in order;
 * and all parameters of the query, by either separator.
 */
const READER = `
import json, os, re, sys
from urllib.parse import parse_qs, unquote, urlparse, urlsplit
def bare(path):
    return re.sub(';[^/]*', '', path)
def paths(uri):
    for read in (urlsplit, urlparse):
        try: path = read(uri).path
        except ValueError: continue
        for found in (unquote(path), unquote(bare(path)), bare(unquote(path))):
            yield '/' + os.path.normpath(found).lstrip('/')
def parameters(uri):
    try: query = urlsplit(uri).query
    except ValueError: return
    for separator in '&;':
        for name, values in parse_qs(query, keep_blank_values=True, separator=separator).items():
            for value in values:
                yield name, value
                if name == 'path':
                    # As a server opens it below its folder.
                    path = os.path.normpath(os.path.join('/public', '..', value.lstrip('/')))
                    yield name, path.lstrip('/')
def read(uri):
    return { 'paths': list(paths(uri)), 'parameters': list(parameters(uri)) }
print(json.dumps([read(uri) for uri in json.load(sys.stdin)]))
`
interface Reading {
  readonly paths: readonly string[]
  readonly parameters: readonly Parameter[]
}

function readByPython(uris: readonly string[]): readonly Reading[] {
  const answer = execFileSync('python3', ['-c', READER], {
    input: JSON.stringify(uris),
    maxBuffer: 2 ** 30,
    encoding: 'utf8',
  })
  return JSON.parse(answer) as readonly Reading[]
}

const numRuns = Number(process.env['URI_RUNS'] ?? 20_000)

function report(counts: Readonly<Record<string, number>>): void {
  expect(Math.min(...Object.values(counts))).toBeGreaterThan(numRuns / 100)
  if (process.env['URI_RUNS'] !== undefined) console.log(counts)
}

verifies('ATK-10', 'what is allowed is no name of what is closed, for Python', () => {
  const cases = fc.sample(
    fc.tuple(trickyUris, openRules, fc.constantFrom('deny' as const, 'base' as const)),
    numRuns,
  )
  const readings = readByPython(cases.map(([uri]) => uri))
  const counts = { open: 0, closed: 0, refused: 0, tempting: 0 }
  const holes = cases.flatMap(([uri, opening, unmatched], index) => {
    const verdict = judgeUri(uri, opening, unmatched)
    counts[verdict]++
    const hits = isOfClosedPlace(uri) ? (readings[index]?.paths ?? []).filter(isClosedPath) : []
    if (hits.length > 0) counts.tempting++
    return verdict === 'open' && hits.length > 0 ? [{ uri, opening, unmatched, hits }] : []
  })
  expect(holes).toEqual([])
  report(counts)
})

verifies('ATK-10', 'Python does not leave what a narrow pattern means', () => {
  const cases = fc.sample(fc.tuple(fc.oneof(trickyUris, trickyQueries), narrowRules), numRuns)
  const readings = readByPython(cases.map(([uri]) => uri))
  const counts = { open: 0, closed: 0, refused: 0, tempting: 0 }
  const holes = cases.flatMap(([uri, narrow], index) => {
    const verdict = judgeUri(uri, [narrow.pattern], 'deny')
    counts[verdict]++
    const reading = readings[index] as Reading
    const outside = isOutside(narrow, reading)
    if (outside) counts.tempting++
    return verdict === 'open' && outside ? [{ uri, pattern: narrow.pattern, reading }] : []
  })
  expect(holes).toEqual([])
  report(counts)
})

verifies('ATK-10', 'Python finds no closed value in an open query', () => {
  const uris = fc.sample(trickyQueries, numRuns)
  const readings = readByPython(uris)
  const counts = { open: 0, closed: 0, refused: 0, tempting: 0 }
  const holes = uris.flatMap((uri, index) => {
    const verdict = judgeUri(uri, OPEN_QUERIES, 'deny')
    counts[verdict]++
    const { parameters } = readings[index] as Reading
    const hits = parameters.filter((each) => isClosedParameter(uri, each))
    if (hits.length > 0) counts.tempting++
    return verdict === 'open' && hits.length > 0 ? [{ uri, hits }] : []
  })
  expect(holes).toEqual([])
  report(counts)
})
