/**
 * A request that the backend is handling.
 *
 * @module
 */
export interface OpenRequest {
  /** Its answer is an event stream. */
  readonly isStream: boolean
  /** A stream that only its reader would end. */
  readonly isOpenEnded: boolean
  begin(): void
  /** Ends the answer as if the server had ended it. */
  end(): void
  /** Sends nothing more: other code answers. */
  giveUp(): void
}
