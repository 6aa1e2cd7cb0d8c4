/**
 * One kind of finding of `doctor`.
 *
 * @module
 */

/** How much a finding matters where no client surely fails. Where one does, it is an error. */
export type Severity = 'error' | 'warning' | 'note'

export interface FindingKind {
  readonly severity: Severity
  readonly title: string
  /** What helps with any server, and our setting where mcp-gatehouse is that server. */
  readonly change: string
  /** Where the rule stands, or where somebody met it. */
  readonly reference: string
}
