/** A failure that people meet with MCP and OAuth: how it is made here, and which command names it. */

/** What a command said: which finding, and in which words. */
export interface Said {
  /** The id of a finding of `doctor`; of `explain` the code, or `remark`. */
  readonly finding: string
  /** What was seen, and what to change. */
  readonly text: string
}

export interface Failure {
  /** Of the catalogue of failures; `mistake`: one of the first day. */
  readonly number: number | 'mistake'
  /** What people meet. */
  readonly name: string
  /** What is wrong in the deployment that the test makes. */
  readonly made: string
  readonly command: 'doctor' | 'doctor --try-registration' | 'check --live' | 'explain'
  /** Who must find it: the id of the finding, or the code. */
  readonly finding: string
  /** What its text must advise: the setting to change. */
  readonly advice: RegExp
  /** Makes the deployment, with the failure or without, and runs the command. */
  readonly run: (isBroken: boolean) => Promise<readonly Said[]>
}

/** A failure that no command can see from here, and why. */
interface Unseen {
  readonly number: number
  readonly name: string
  readonly why: string
}

export const UNSEEN: readonly Unseen[] = [
  {
    number: 8,
    name: 'A firewall refuses the servers of a vendor, and nobody else',
    why: 'The doctor asks from another address, and what is refused reaches no log of the gateway. Where the firewall refuses everyone, `forbidden` says so.',
  },
  {
    number: 24,
    name: 'A client keeps an id that the provider has forgotten',
    why: 'The id is in the memory of the client. Nobody else sees it.',
  },
  {
    number: 49,
    name: 'A client sends no state, or one that is too short for the provider',
    why: 'The client makes that request, and the provider refuses it. Neither asks the gateway.',
  },
]

/** How many failures the catalogue has. */
export const CATALOGUE = 50
