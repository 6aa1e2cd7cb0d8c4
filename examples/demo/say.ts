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

/** How lines look on paper, or on a terminal. */
export interface Style {
  /** Characters of a line. */
  readonly width: number
  readonly isColoured: boolean
}

const PLAIN: Style = { width: Infinity, isColoured: false }
/** Narrower than this, folded lines are harder to read than broken ones. */
const NARROWEST = 40

/** https://no-color.org: any value that is not empty. */
export function styleOf(
  { isTTY, columns }: { readonly isTTY?: boolean; readonly columns?: number },
  env: Readonly<Record<string, string | undefined>>,
): Style {
  if (isTTY !== true) return PLAIN
  const isColoured = (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'
  return { width: Math.max(columns ?? 80, NARROWEST), isColoured }
}

const COLOURS = { green: 32, red: 31, bold: 1, dim: 2 } as const

/** A line in pieces that fit; a word that does not, such as a URL, stays whole. */
export function fold(line: string, width: number): readonly string[] {
  const indent = /^ */.exec(line)?.[0] ?? ''
  const pieces: string[] = []
  let piece = ''
  for (const word of line.slice(indent.length).split(' ')) {
    const longer = piece === '' ? word : `${piece} ${word}`
    const room = width - indent.length - (pieces.length === 0 ? 0 : 2)
    if (piece === '' || longer.length <= room) piece = longer
    else {
      pieces.push(piece.trimEnd())
      piece = word
    }
  }
  pieces.push(piece)
  return pieces.map((each, index) => `${indent}${index === 0 ? '' : '  '}${each}`)
}

export class Report {
  readonly #print: (line: string) => void
  readonly #style: Style
  #steps = 0
  #failed = 0

  constructor(print: (line: string) => void, style: Style = PLAIN) {
    this.#print = print
    this.#style = style
  }

  get steps(): number {
    return this.#steps
  }

  /** How many steps did not do what they should. */
  get failed(): number {
    return this.#failed
  }

  heading(text: string): void {
    this.#print('')
    this.#say(text, 'bold')
    this.#say('─'.repeat(text.length), 'dim')
  }

  /** What a user would type. */
  command(text: string): void {
    this.#say(`$ ${text}`, 'bold')
  }

  step({ title, spec, lines, expect }: Step): void {
    const broken = Object.keys(expect).filter((name) => expect[name] !== true)
    // A step that expects nothing proves nothing.
    if (Object.keys(expect).length === 0) broken.push('something to be expected')
    this.#steps++
    if (broken.length > 0) this.#failed++
    const number = String(this.#steps).padStart(2)
    const isRight = broken.length === 0
    this.#say(`${isRight ? '✓' : '✗'} ${number}. ${title}  (${spec})`, isRight ? 'green' : 'red')
    for (const line of lines) this.#say(`      ${line}`)
    for (const name of broken) this.#say(`    ✗ expected: ${name}`, 'red')
  }

  /** Something that stopped the walk. */
  failure(text: string): void {
    this.#failed++
    this.#say(`✗ ${text}`, 'red')
  }

  #say(text: string, colour?: keyof typeof COLOURS): void {
    const { width, isColoured } = this.#style
    for (const line of fold(text, width)) {
      const isPlain = !isColoured || colour === undefined
      this.#print(isPlain ? line : `\u001b[${COLOURS[colour]}m${line}\u001b[0m`)
    }
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
