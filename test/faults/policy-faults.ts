/** Rules of policies' files and of the commands of `policy`, broken on purpose. */
import type { Fault } from './faults.js'

export const POLICY_FAULTS: readonly Fault[] = [
  {
    id: 'policy-problem-without-its-line',
    breaks: 'contract, "Policy file": file, line and column',
    find: 'document.problem(placeOf(path) + where,',
    replace: 'document.problem(placeOf([]) + where,',
    tests: ['config/policy-file.test.ts'],
  },
  {
    id: 'policy-name-twice',
    breaks: 'contract, "Policy file"',
    find: '} else if (spot.members.has(name)) {',
    replace: '} else if (name === undefined) {',
    tests: ['config/policy-file.test.ts'],
  },
  {
    id: 'policy-without-tokens',
    breaks: 'contract, "Settings"',
    find: '  const policy = given.get(POLICY)\n',
    replace: '  const policy = new Map(given).get(POLICY.toUpperCase())\n',
    tests: ['config/policy-file.test.ts'],
  },
  {
    id: 'policy-of-one-resource-for-none',
    breaks: 'contract, "Several servers in one gateway"',
    find: 'tokenOptions(settings, issuers, { policy, apiKeys }, isOfResource)',
    replace: 'tokenOptions(settings, issuers, undefined, isOfResource)',
    tests: ['config/resources.test.ts', 'config/files.test.ts'],
  },
  {
    id: 'starter-lets-lines-out-of-comments',
    breaks: 'issue 7: texts of the server are untrusted',
    find: ".replace(/[\\p{C}\\p{Z}\\s]+/gu, ' ')",
    replace: ".replace(/ +/gu, ' ')",
    tests: ['cli/policy-starter.test.ts'],
  },
  {
    id: 'starter-believes-hints',
    breaks: 'issue 7: a suggestion that a human must confirm',
    find: "ruleLines('tools', ofTools.listed, 'mcp:write', hintOf)",
    replace: "ruleLines('tools', ofTools.listed, 'mcp:read', hintOf)",
    tests: ['cli/policy-starter.test.ts'],
  },
  {
    id: 'starter-names-more-than-it-says',
    breaks: 'issue 7: names with glob characters',
    find: "return name.includes('*') ? { fault: STAR } : { patterns: [name] }",
    replace: 'return { patterns: [name] }',
    tests: ['cli/policy-starter.test.ts'],
  },
  {
    id: 'explain-ends-well-for-what-is-denied',
    breaks: 'contract, exit codes',
    find: 'return explanation.allowed ? 0 : 1',
    replace: 'return explanation.allowed ? 0 : 0',
    tests: ['cli/policy.test.ts'],
  },
  {
    id: 'policy-command-inherits-our-environment',
    breaks: 'contract, "What the upstream gets"',
    find: 'const environment = commandEnvironment(env, settings.childEnv ?? [])',
    replace:
      'const environment = { ...env, ...commandEnvironment(env, []) } as Record<string, string>',
    tests: ['cli/policy-server.test.ts'],
  },
  {
    id: 'policy-replaced-lists-kept',
    breaks: 'STA-07',
    find: '    if (policy !== this.#policy) this.#lists = emptyLists()\n',
    replace: '',
    tests: ['rs/replaced-policy.test.ts'],
  },
  {
    id: 'policy-replaced-hierarchy-kept',
    breaks: 'SCP-04',
    find: '    this.#hierarchy = policy.hierarchy\n',
    replace: '',
    tests: ['rs/replaced-policy.test.ts'],
  },
  {
    id: 'policy-added-later',
    breaks: 'SCP-06',
    find: '    const present = this.#policy\n    if (present === undefined) {',
    replace:
      "    const present = this.#policy ?? createOperationPolicy(() => 'deny')\n    if (present === undefined) {",
    tests: ['rs/replaced-policy.test.ts'],
  },
  {
    id: 'policy-replaced-by-none',
    breaks: 'CASE-61',
    find: 'checkOperationPolicy(checker, path, value ?? null)',
    replace: 'checkOperationPolicy(checker, path, value)',
    tests: ['rs/replaced-policy.test.ts'],
  },
  {
    id: 'policy-lists-changed',
    breaks: 'STA-07',
    find: "      checker.problem([...path, 'lists'], 'cannot change while requests are served', hint)\n",
    replace: '',
    tests: ['rs/replaced-policy.test.ts'],
  },
  {
    id: 'policies-one-by-one',
    breaks: 'SCP-06',
    find: '    return policy === undefined ? [] : [{ authority, policy }]\n  })',
    replace:
      '    if (policy !== undefined) authority.replacePolicy(policy)\n    return policy === undefined ? [] : [{ authority, policy }]\n  })',
    tests: ['gateway/policies.test.ts'],
  },
  {
    id: 'policy-of-open-stream-kept',
    breaks: 'STA-07',
    find: 'new CurrentFilter(this, visitor)',
    replace:
      'new ListFilter(((policy) => (operation: McpOperation) => policy?.authorize(operation, (visitor as Authenticated).token).denial === undefined)(this.#authority.policy), new ListMemory())',
    tests: ['rs/replaced-policy.test.ts', 'gateway/policies.test.ts'],
  },
  {
    id: 'replay-allows-what-needs-a-claim',
    breaks: 'issue 16, item 10: the audit has no claims, so nobody knows',
    find: "return { verdict: 'unknown', reason: `needs the claim",
    replace: "return { verdict: 'allow', reason: `needs the claim",
    tests: ['cli/policy-replay.test.ts'],
  },
  {
    id: 'replay-decides-by-the-first-operation',
    breaks: 'issue 16, item 10: a request is allowed if each of its operations is',
    find: "decisions.find(({ verdict }) => verdict === 'deny') ??",
    replace: '',
    tests: ['cli/policy-replay.test.ts'],
  },
  {
    id: 'replay-forgets-base-scopes',
    breaks: 'issue 16, item 10',
    find: 'new Set([...this.#baseScopes, ...needed])',
    replace: 'new Set(needed)',
    tests: ['cli/policy-replay.test.ts'],
  },
  {
    id: 'replay-of-nothing-passes',
    breaks: 'issue 16, item 10: a CI job must not pass because it compared nothing',
    find: 'if (this.#requests > 0) return undefined',
    replace: 'if (this.#lines >= 0) return undefined',
    tests: ['cli/policy-replay.test.ts'],
  },
]
