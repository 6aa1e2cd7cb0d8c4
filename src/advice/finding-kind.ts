/**
 * One kind of finding of `doctor`.
 *
 * @module
 */

/** How much a finding matters if no client is known to fail because of it. If one is, the finding is an error. */
export type Severity = 'error' | 'warning' | 'note'

export interface FindingKind {
  readonly severity: Severity
  readonly title: string
  /** What helps with any server, and the setting of mcp-gatehouse if it is that server. */
  readonly change: string
  /** Where the rule is written, or where somebody reported the problem. */
  readonly reference: string
}
