/** Faults in the checks of options, and in the words in which problems are told. */
import type { Fault } from './faults.js'

export const OPTION_FAULTS: readonly Fault[] = [
  {
    id: 'introspection-url-unchecked',
    breaks: 'INT-01',
    find: 'if (client === undefined) continue',
    replace: 'continue',
    tests: ['config/options.test.ts'],
  },
  {
    id: 'problem-of-another-issuer',
    breaks: 'contract, "Settings": each with its source',
    find: 'return { paths: settingsThatBecome(String(ofIssuer)), issuer: index }',
    replace: 'return { paths: settingsThatBecome(String(ofIssuer)) }',
    tests: ['config/options.test.ts'],
  },
  {
    id: 'value-without-its-number',
    breaks: 'contract, "Settings": each with its source',
    find: "return isEntry && typeof index === 'number' ? `value ${index + 1} ` : ''",
    replace: "return isEntry ? '' : ''",
    tests: ['config/options.test.ts'],
  },
]
