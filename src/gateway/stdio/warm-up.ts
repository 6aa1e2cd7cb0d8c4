/**
 * Runs a command once before the first client needs it, so that what it does only the first time is
 * over: `npx` and `uvx` download the package. Nobody is served with it.
 *
 * @module
 */
import { STATEFUL_VERSIONS } from '../../mcp/protocol-revision.js'
import type { Clock } from '../clock.js'
import type { Channel, OpenChannel } from './channel.js'
import type { ChildEvent } from './events.js'
import { exitOf, flawOf, silenceOf, type ChildEnd } from './pooled-child.js'
import { tooLarge } from './broken-message.js'
import type { ChildLimits } from './limits.js'

export interface WarmUpOptions {
  /** The child's name in the log. */
  readonly label: string
  readonly limits: Pick<ChildLimits, 'startTimeout' | 'maxMessage'>
  readonly clock: Clock
  readonly emit: ((event: ChildEvent) => void) | undefined
}

interface WarmUpFailure extends ChildEnd {
  /** Milliseconds of the clock. */
  readonly at: number
}

/** Every command answers it, if only with an error. */
const QUESTION = JSON.stringify({
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: {
    protocolVersion: STATEFUL_VERSIONS[0],
    capabilities: {},
    clientInfo: { name: 'mcp-gatehouse', version: '0' },
  },
})

export class WarmUp {
  readonly #options: WarmUpOptions
  readonly #channel: Channel
  readonly #startedAt: number
  readonly #clearTimer: () => void
  #ended: Promise<void> | undefined
  #failure: WarmUpFailure | undefined

  constructor(options: WarmUpOptions, openChannel: OpenChannel) {
    const { limits, clock } = options
    this.#options = options
    this.#startedAt = clock.now()
    this.#channel = openChannel({
      isWaiting: () => this.isRunning,
      onMessage: ({ kind }) => {
        if (kind === 'response') this.#finish()
      },
      onBroken: ({ kind, flaw }) => {
        if (kind === 'response') this.#finish(flawOf(flaw))
      },
      onEndless: () => this.#finish(flawOf(tooLarge(limits.maxMessage))),
      onEnd: (reason) => this.#finish(exitOf(reason)),
    })
    const { startTimeout } = limits
    this.#clearTimer = clock.setTimer(
      () => this.#finish(silenceOf(startTimeout, this.#channel.remark)),
      startTimeout * 1000,
    )
    this.#channel.write(Buffer.from(QUESTION))
  }

  /** Why there was no answer; `undefined` also while it runs. */
  get failure(): WarmUpFailure | undefined {
    return this.#failure
  }

  get isRunning(): boolean {
    return this.#ended === undefined
  }

  /** Ends the command, whatever it does. */
  close(): Promise<void> {
    this.#clearTimer()
    this.#ended ??= this.#channel.stop()
    return this.#ended
  }

  /** @param failure why there was no answer */
  #finish(failure?: ChildEnd): void {
    if (this.#ended !== undefined) return
    const { label: child, clock, emit } = this.#options
    this.#failure = failure && { ...failure, at: clock.now() }
    const seconds = (clock.now() - this.#startedAt) / 1000
    const hint = failure?.fault?.hint
    emit?.({
      type: 'command.warmed',
      child,
      seconds,
      ...(failure !== undefined && { failure: failure.reason }),
      ...(hint !== undefined && { hint }),
    })
    void this.close()
  }
}
