/** The problems of options that somebody refused. */
import { ConfigurationError } from 'mcp-gatehouse'

/** @returns the path of each problem; empty if the options are taken */
export function problemsOf(take: () => unknown): readonly string[] {
  try {
    take()
    return []
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    return error.problems.map(({ path }) => path)
  }
}
