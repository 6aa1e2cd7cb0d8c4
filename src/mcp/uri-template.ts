/**
 * URI templates (RFC 6570), matched by their text outside of expressions.
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
 * A URI that represents all expansions of a template: each expression is replaced by its own name.
 * A query expression stays a query; a fragment, which no request may have, is left out.
 *
 * @returns `undefined` if there is none
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
