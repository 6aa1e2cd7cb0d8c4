/** docs/public-tools.md: its policy and its commands. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { parsePolicy } from '../../src/config/policy-file.js'
import { guideBlock, readGuide } from '../support/guides.js'
import { Workspace } from '../support/workspace.js'

const BLOCKS = [...readGuide('docs/public-tools').matchAll(/```yaml\n([\s\S]*?)```/g)].map(
  ([, yaml = '']) => yaml,
)

test('the policy is right, also with the other limit', () => {
  const [policy = '', limit = ''] = BLOCKS
  expect(BLOCKS).toHaveLength(2)
  expect(parsePolicy('public.policy.yaml', policy).problems).toEqual([])
  const limited = parsePolicy('public.policy.yaml', `${policy}${limit}`)
  expect(limited.problems).toEqual([])
  expect(limited.policy.anonymousLimit).toMatchObject({ text: '600/min per address', burst: 100 })
})

test('the commands', async () => {
  const workspace = new Workspace({})
  onTestFinished(() => workspace.remove())
  writeFileSync(join(workspace.folder, 'public.policy.yaml'), BLOCKS[0] ?? '')
  const { code, stdout } = await workspace.run(guideBlock('docs/public-tools', 'public'))
  expect(code).toBe(0)
  expect(stdout).toContain('public.policy.yaml: 2 rules, no problems')
  expect(stdout).toMatch(/^allowed$/m)
}, 60_000)
