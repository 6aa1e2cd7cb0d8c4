/**
 * Issuers that are trusted and not published: their tokens come from machines, which do not log in.
 *
 * @module
 */
import type { JsonObject } from '../base/json.js'
import type { OptionChecker, OptionPath } from '../base/option-checker.js'
import { fitsAnything } from '../token/claim-pattern.js'
import type { RequiredClaims } from '../token/required-claims.js'

/** An issuer at which everybody can get a token for any audience. */
interface PublicIssuer {
  readonly issuer: RegExp
  /** The claims that say whose a token is. Everybody can have the values of the others. */
  readonly owners: readonly string[]
  /** Whether jobs of strangers get tokens there for any audience, so that publishing it closes nothing. */
  readonly servesJobs: boolean
}

/** From their documentation (2026-12). */
const PUBLIC_ISSUERS: readonly PublicIssuer[] = [
  // GitHub Actions: every workflow of every repository.
  {
    issuer: /^https:\/\/token\.actions\.githubusercontent\.com\/?$/,
    owners: [
      'sub',
      'repository',
      'repository_id',
      'repository_owner',
      'repository_owner_id',
      'enterprise',
      'enterprise_id',
    ],
    servesJobs: true,
  },
  // GitLab.com: every job of every project. People log in there, too, but their access tokens are opaque.
  {
    issuer: /^https:\/\/gitlab\.com\/?$/,
    owners: [
      'sub',
      'project_id',
      'project_path',
      'namespace_id',
      'namespace_path',
      'user_id',
      'user_login',
      'user_email',
    ],
    servesJobs: true,
  },
  // Google: every account, and every service account of every project.
  {
    issuer: /^https:\/\/accounts\.google\.com\/?$/,
    owners: ['sub', 'email', 'hd'],
    servesJobs: false,
  },
  // Entra: all tenants, and the tenant of personal accounts.
  {
    issuer:
      /^https:\/\/login\.microsoftonline\.com\/(?:common|organizations|consumers|9188040d-6c67-4c5b-b112-36a304b66dad)\//,
    owners: ['sub', 'oid', 'tid', 'azp', 'appid'],
    servesJobs: false,
  },
]

/** Every token of the issuer has these claims, for any caller. */
const OF_ALL_TOKENS = new Set(['aud', 'iss'])

/** A star in the first part, which is not a label: everybody can have a name that fits. */
const WIDE = /^(?:\w+:)?[^/:]*\*/

/** Whether a value names an owner. At GitHub a subject is made of labels that each repository chooses. */
function namesOwner(value: unknown, { owners }: PublicIssuer): boolean {
  if (typeof value !== 'string') return true
  const [, label = 'repo'] = /^(\w+):/.exec(value) ?? []
  return !WIDE.test(value) && (label === 'repo' || owners.includes(label))
}

/** Whether the claims tell some of the issuer's callers from others; of a public issuer, whose they are. */
function tellsApart(claims: RequiredClaims, known: PublicIssuer | undefined): boolean {
  return Object.entries(claims).some(([name, wanted]) => {
    if (OF_ALL_TOKENS.has(name) || wanted === true) return false
    return known === undefined
      ? wanted.every((value) => typeof value !== 'string' || !fitsAnything(value))
      : known.owners.includes(name) && wanted.every((value) => namesOwner(value, known))
  })
}

function publicIssuer(issuer: unknown): PublicIssuer | undefined {
  if (typeof issuer !== 'string') return undefined
  return PUBLIC_ISSUERS.find((each) => each.issuer.test(issuer))
}

/** Whether everybody can get a token there that these claims let in. */
export function isOpenToEverybody(issuer: unknown, requiredClaims: RequiredClaims = {}): boolean {
  const known = publicIssuer(issuer)
  return known !== undefined && !tellsApart(requiredClaims, known)
}

/** What to require, so that not everybody's tokens are accepted. */
function hintOf(known: PublicIssuer | undefined, checker: OptionChecker): string {
  const claims = checker.nameOf('requiredClaims')
  return known === undefined
    ? `say in ${claims} whose, or set ${checker.nameOf('anySubject')} if only you get tokens there`
    : `say in ${claims} whose, by ${known.owners.join(', ')}; a star may not stand in for the name of the owner`
}

/**
 * Checks `published` and `anySubject`.
 *
 * @returns whether clients are sent to this issuer to log in
 */
export function checkPublication(
  checker: OptionChecker,
  path: OptionPath,
  server: JsonObject,
  requiredClaims: RequiredClaims = {},
): boolean {
  const isPublished = checker.flag([...path, 'published'], server['published'], true) ?? true
  const known = publicIssuer(server['issuer'])
  const where = [...path, 'anySubject']
  const takesAnybody = checker.flag(where, server['anySubject'], false) ?? false
  if (isPublished) {
    const hint = 'it is for issuers that are not published'
    if (takesAnybody) checker.problem(where, 'has no effect', hint)
    if (known?.servesJobs === true && !tellsApart(requiredClaims, known)) {
      const message = 'gives jobs of everybody a token for any audience'
      checker.problem([...path, 'issuer'], message, hintOf(known, checker))
    }
    return true
  }
  if (takesAnybody && known !== undefined) {
    const hint = `say in ${checker.nameOf('requiredClaims')} whose tokens are accepted`
    checker.problem(where, 'is not for an issuer at which everybody gets tokens', hint)
  }
  if (!takesAnybody && !tellsApart(requiredClaims, known)) {
    const whose = known ? 'tokens of everybody' : 'every token'
    checker.problem(
      [...path, 'published'],
      `is false, and ${whose} would be accepted`,
      hintOf(known, checker),
    )
  }
  return false
}
