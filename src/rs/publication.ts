/**
 * Issuers that are trusted and not published: their tokens come from machines, which do not log in.
 *
 * @module
 */
import type { JsonObject } from '../base/json.js'
import type { OptionChecker, OptionPath } from '../base/option-checker.js'
import { fitsAnything } from '../token/claim-pattern.js'
import type { RequiredClaims } from '../token/required-claims.js'

/** Everybody can get a token there for any audience. From their documentation (2026-12). */
const PUBLIC_ISSUERS: readonly RegExp[] = [
  // GitHub Actions: every workflow of every repository.
  /^https:\/\/token\.actions\.githubusercontent\.com\/?$/,
  // GitLab.com: every job of every project.
  /^https:\/\/gitlab\.com\/?$/,
  // Google: every account, and every service account of every project.
  /^https:\/\/accounts\.google\.com\/?$/,
  // Entra: all tenants, and the tenant of personal accounts.
  /^https:\/\/login\.microsoftonline\.com\/(?:common|organizations|consumers|9188040d-6c67-4c5b-b112-36a304b66dad)\//,
]

/** Every token of the issuer has these, whoever it is for. */
const OF_ALL_TOKENS = new Set(['aud', 'iss'])

/** Whether the claims tell some of the issuer's callers from others. */
function tellsApart(claims: RequiredClaims): boolean {
  return Object.entries(claims).some(
    ([name, wanted]) =>
      !OF_ALL_TOKENS.has(name) &&
      wanted !== true &&
      wanted.every((value) => typeof value !== 'string' || !fitsAnything(value)),
  )
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
  const where = [...path, 'anySubject']
  const takesAnybody = checker.flag(where, server['anySubject'], false) ?? false
  if (isPublished) {
    const hint = 'it is for issuers that are not published'
    if (takesAnybody) checker.problem(where, 'has no effect', hint)
    return true
  }
  const { issuer } = server
  const isPublic =
    typeof issuer === 'string' && PUBLIC_ISSUERS.some((pattern) => pattern.test(issuer))
  const claims = checker.nameOf('requiredClaims')
  if (takesAnybody && isPublic) {
    const hint = `say in ${claims} whose tokens are accepted`
    checker.problem(where, 'is not for an issuer at which everybody gets tokens', hint)
  }
  if (!takesAnybody && !tellsApart(requiredClaims)) {
    const hint = isPublic
      ? `say in ${claims} whose: a value that is more than stars, of a claim other than aud and iss`
      : `say in ${claims} whose, or set ${checker.nameOf('anySubject')} if only you get tokens there`
    checker.problem([...path, 'published'], 'is false, and every token would be accepted', hint)
  }
  return false
}
