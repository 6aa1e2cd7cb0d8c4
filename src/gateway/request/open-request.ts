/**
 * A request that is with the server behind the gateway.
 *
 * @module
 */
export interface OpenRequest {
  /** It is answered by a stream of events. */
  readonly isStream: boolean
  /** A stream that nothing but its reader would end. */
  readonly isOpenEnded: boolean
  begin(): void
  /** Ends the answer as if the server had ended it. */
  end(): void
  /** Says nothing more: somebody else answers. */
  giveUp(): void
}
