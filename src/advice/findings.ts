/**
 * What `doctor` can find: in each case what is wrong, what to change, and where the rule is written. Data
 * for people; nothing is decided here. What to change in an identity provider that we know is in
 * `provider-changes.ts`.
 *
 * @module
 */
import { INSIDE_FINDINGS } from './inside-findings.js'
import { RESOURCE_FINDINGS } from './resource-findings.js'
import { SERVER_FINDINGS } from './server-findings.js'

/** By id. The ids are for programs: reports and baselines keep them. */
export const FINDINGS = { ...RESOURCE_FINDINGS, ...SERVER_FINDINGS, ...INSIDE_FINDINGS }

export type FindingId = keyof typeof FINDINGS
