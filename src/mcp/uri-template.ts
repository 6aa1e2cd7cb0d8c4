/**
 * URI templates (RFC 6570), judged by what stands in them outside of their expressions.
 *
 * @module
 */
import { canonicalUri, LONGEST_URI } from './resource-uri.js'

const VARIABLES = '[\\w.%]+(?::\\d+|\\*)?(?:,[\\w.%]+(?::\\d+|\\*)?)*'
const EXPRESSION = new RegExp(`\\{([+#./;?&]?)(${VARIABLES})\\}`, 'g')
const AUTHORITY = /^[^:]*:\/\/[^/?]*/
/** What a host may be called. */
const IN_AUTHORITY = 'template-variable'

/**
 * A URI that stands for those that a template can make: each expression has its own name in place of a value. One that
 * makes a query is a query, and a fragment, which no request may have, is left out.
 *
 * @returns `undefined` where there is none
 */
export function canonicalTemplate(text: string): string | undefined {
  if (!text.includes('{') || text.length > LONGEST_URI) return canonicalUri(text)
  const outside = text.replace(EXPRESSION, (expression) => '_'.repeat(expression.length))
  let authorityEnd = AUTHORITY.exec(outside)?.[0].length ?? 0
  const question = outside.indexOf('?')
  let hasQuery = false
  function valueOf(_: string, operator: string, variables: string, at: number): string {
    if (operator === '#') return ''
    const isOfQuery = operator === '?' || operator === '&'
    if (isOfQuery || operator === '/') authorityEnd = 0
    if (at < authorityEnd) return IN_AUTHORITY
    const value = encodeURIComponent(`{${variables}}`)
    if (!isOfQuery) return (operator === '+' ? '' : operator) + value
    const separator = hasQuery || (question >= 0 && question < at) ? '&' : '?'
    hasQuery = true
    return separator + value
  }
  return canonicalUri(text.replace(EXPRESSION, valueOf))
}
