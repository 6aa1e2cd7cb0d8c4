/** Faults in the checks of options, and in the words in which problems are told. */
import type { Fault } from './faults.js'

export const OPTION_FAULTS: readonly Fault[] = [
  {
    id: 'hidden-space-printed-plain',
    breaks: 'contract, "Settings": what check prints is a config file',
    find: 'HIDDEN.test(String(value)) ? scalarOf(String(value)) : stringify',
    replace: '/\\p{Cc}/u.test(String(value)) ? scalarOf(String(value)) : stringify',
    tests: ['config/check.test.ts'],
  },
  {
    id: 'introspection-url-unchecked',
    breaks: 'INT-01',
    find: 'if (client === undefined) continue',
    replace: 'continue',
    tests: ['config/to-options.test.ts'],
  },
  {
    id: 'problem-of-another-issuer',
    breaks: 'contract, "Settings": each with its source',
    find: 'return { paths: settingsThatBecome(String(ofIssuer)), issuer: index }',
    replace: 'return { paths: settingsThatBecome(String(ofIssuer)) }',
    tests: ['config/to-options.test.ts'],
  },
  {
    id: 'value-without-its-number',
    breaks: 'contract, "Settings": each with its source',
    find: "return isEntry && typeof index === 'number' ? `value ${index + 1} ` : ''",
    replace: "return isEntry ? '' : ''",
    tests: ['config/to-options.test.ts'],
  },
  {
    id: 'missing-told-twice',
    breaks: 'contract, "Settings"',
    find: 'mayBeMissing: () => true,',
    replace: 'mayBeMissing: () => false,',
    tests: ['config/to-options.test.ts'],
  },
  {
    id: 'default-size-for-judged-bodies-lost',
    breaks: 'contract, "Settings"',
    find: "if (onlyWhen === 'given') return given.has(path)",
    replace: "if (onlyWhen === 'given') return true",
    tests: ['config/files.test.ts'],
  },
  {
    id: 'idle-list-of-issuers-unsaid',
    breaks: 'CASE-61',
    find: "return path === ISSUERS ? 'tokens' : BY_PATH.get(path)?.needs",
    replace: 'return BY_PATH.get(path)?.needs',
    tests: ['config/to-options.test.ts', 'config/issuers.test.ts'],
  },
  {
    id: 'claims-of-a-map-required-of-nobody',
    breaks: 'own rules about tokens',
    find: 'required of nobody.\n  if (!isPlainObject(value)) {',
    replace: 'required of nobody.\n  if (!isJsonObject(value)) {',
    tests: ['rs/validators.test.ts'],
  },
]
