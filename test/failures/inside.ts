/** What `check --live` says about the settings of a gateway. */
import { runLiveCheck } from '../../src/cli/doctor/command.js'
import type { DoctorIo } from '../../src/cli/doctor/io.js'
import type { JsonReport } from '../../src/cli/doctor/json-report.js'
import { runHere } from '../support/doctor-command.js'
import type { Failure, Said } from './failure.js'
import { said } from './outside.js'

/** @param argv the settings of a gateway */
async function checkLive(
  argv: readonly string[],
  io: Partial<DoctorIo> = {},
): Promise<readonly Said[]> {
  const { stdout, stderr } = await runHere(['--live', '--json', ...argv], io, runLiveCheck)
  if (stdout === '') throw new Error(`no report: ${stderr}`)
  return (JSON.parse(stdout) as JsonReport).diagnoses.flatMap(said)
}

type Row = Pick<Failure, 'number' | 'name' | 'made' | 'finding' | 'advice'>

/** @param argvOf the settings, wrong or right */
export function fromInside(
  row: Row,
  argvOf: (isBroken: boolean) => Promise<readonly string[]>,
  io: Partial<DoctorIo> = {},
): Failure {
  return {
    ...row,
    command: 'check --live',
    run: async (isBroken) => checkLive(await argvOf(isBroken), io),
  }
}
