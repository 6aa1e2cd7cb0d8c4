import { inject, test, describe, onTestFinished } from 'vitest'
import { ALL, startStepUpStage, USE, READ, WRITE, type StepUpStage } from './step-up-stage.js'
import { STEP_UP_CLIENTS } from './step-up-clients.js'
import { appendFileSync } from 'node:fs'
const python = inject('python')
const note = (x: unknown) => appendFileSync('/tmp/stepup-notes.txt', JSON.stringify(x, null, 1) + '\n')
const CALLS = ['read_note', 'write_note', 'read_note']
async function stage(o = {}): Promise<StepUpStage> { const s = await startStepUpStage(o); onTestFinished(() => s.stop()); return s }
const idpAll = { extraClientMetadata: { properties: ['any_scope'], validator(_c: unknown, _k: unknown, _v: unknown, m: any) { m.scope = ALL + ' offline_access' } } }
describe.each(STEP_UP_CLIENTS)('$name', (client) => {
  async function go(label: string, s: StepUpStage, task: object) {
    const t = performance.now()
    const r = await client.run(python, { url: s.url, issuer: s.issuer, calls: CALLS, ...task }).catch((e) => 'FAILED ' + e)
    note({ client: client.name, label, r, journal: s.takeJournal(), requests: s.takeRequests(), ms: Math.round(performance.now() - t) })
  }
  test('all', async () => {
    let s = await stage()
    await go('pre', s, { clientId: await s.register() })
    await go('dcr', s, {})
    await go('user refuses', s, { clientId: await s.register(), refuses: WRITE })
    await go('denied', s, { clientId: await s.register(), calls: ['burn_note', 'read_note', 'burn_note', 'read_note'] })
    s.grantAtMost(USE + ' ' + READ)
    await go('idp gives less', s, { clientId: await s.register() })
    s = await stage({ identityProvider: idpAll })
    await go('dcr all', s, {})
    s = await stage({ baseScopes: '' })
    await go('dcr no base', s, {})
    await go('pre no base', s, { clientId: await s.register() })
  }, 400_000)
})
