/** Tests cite what they prove: requirement ids (`CHL-05`), field cases (`CASE-13`). */
import { expect, test } from 'vitest'

export type Citation = `${string}-${number}`

/** A test that proves requirements; `test/requirements` counts the citations. */
export function verifies(
  ids: Citation | readonly Citation[],
  behaviour: string,
  body: () => void | Promise<void>,
): void {
  test(`${behaviour} [${[ids].flat().join(' ')}]`, () => {
    // The linter sees the bodies of `test` only.
    expect.hasAssertions()
    return body()
  })
}
