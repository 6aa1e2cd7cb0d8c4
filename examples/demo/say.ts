/**
 * How the walk speaks: numbered steps of a few lines, each with its own verdict. It counts what went
 * wrong, and nothing that it prints holds a whole token.
 */
import { decodeJwt } from 'jose'

export interface Step {
  readonly title: string
  /** Where this is specified. */
  readonly spec: string
  readonly lines: readonly string[]
  /** What must be true; the name of each is printed when it is not. */
  readonly expect: Readonly<Record<string, boolean>>
}

export class Report {
  readonly #print: (line: string) => void
  #steps = 0
  #failed = 0

  constructor(print: (line: string) => void) {
    this.#print = print
  }

  get steps(): number {
    return this.#steps
  }

  /** How many steps did not do what they should. */
  get failed(): number {
    return this.#failed
  }

  heading(text: string): void {
    this.#print(`\n${text}\n${'─'.repeat(text.length)}`)
  }

  step({ title, spec, lines, expect }: Step): void {
    const broken = Object.keys(expect).filter((name) => expect[name] !== true)
    // A step that expects nothing proves nothing.
    if (Object.keys(expect).length === 0) broken.push('something to be expected')
    this.#steps++
    if (broken.length > 0) this.#failed++
    const number = String(this.#steps).padStart(2)
    this.#print(`${broken.length === 0 ? '✓' : '✗'} ${number}. ${title}  (${spec})`)
    for (const line of lines) this.#print(`      ${line}`)
    for (const name of broken) this.#print(`    ✗ expected: ${name}`)
  }

  /** Something that stopped the walk. */
  failure(text: string): void {
    this.#failed++
    this.#print(`✗ ${text}`)
  }
}

/** Enough of a secret to recognise it, too little to use it. */
export function abridged(secret: string): string {
  return `${secret.slice(0, 12)}…(${secret.length} characters)`
}

const SHOWN = ['iss', 'sub', 'aud', 'client_id', 'scope'] as const

/** The claims that a resource server looks at. */
export function claimsOf(token: string): string {
  const claims = decodeJwt(token)
  const shown = SHOWN.filter((name) => claims[name] !== undefined).map(
    (name) => `${name}=${String(claims[name])}`,
  )
  const { iat, exp } = claims
  if (iat !== undefined && exp !== undefined) shown.push(`lives ${exp - iat} s`)
  return shown.join('  ')
}
