/**
 * A browser and the person before it, scripted: follows redirects, keeps cookies, fills in the login
 * form, presses the button that says yes, or the one that says no.
 */

/** What an authorization request led to. */
export interface Visit {
  /** Where the browser was sent in the end: the client's redirect URI with its query. */
  readonly callback: URL
  /** The forms that it answered, by their titles. */
  readonly forms: readonly string[]
}

interface Cookie {
  readonly name: string
  readonly value: string
  readonly path: string
}

/** Cookies by host, sent to the paths they were set for. `Secure` is ignored: this is loopback. */
class CookieJar {
  readonly #hosts = new Map<string, Cookie[]>()

  store(url: URL, response: Response): void {
    for (const field of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = field.split(';').map((part) => part.trim())
      const split = pair.indexOf('=')
      const attribute = (name: string): string | undefined =>
        attributes.find((text) => text.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1)
      const cookie = {
        name: pair.slice(0, split),
        value: pair.slice(split + 1),
        path: attribute('path') ?? '/',
      }
      const expires = attribute('expires')
      const dead =
        attribute('max-age') === '0' || (expires !== undefined && Date.parse(expires) < Date.now())
      const others = (this.#hosts.get(url.host) ?? []).filter(
        ({ name, path }) => name !== cookie.name || path !== cookie.path,
      )
      this.#hosts.set(url.host, dead ? others : [...others, cookie])
    }
  }

  header(url: URL): Record<string, string> {
    const fitting = (this.#hosts.get(url.host) ?? []).filter(({ path }) =>
      `${url.pathname}/`.startsWith(path.endsWith('/') ? path : `${path}/`),
    )
    if (fitting.length === 0) return {}
    return { cookie: fitting.map(({ name, value }) => `${name}=${value}`).join('; ') }
  }
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"' }

function attributeOf(tag: string, name: string): string | undefined {
  const value = new RegExp(`\\s${name}="([^"]*)"`, 'i').exec(tag)?.[1]
  return value?.replace(/&(amp|lt|gt|quot);/g, (_, entity: string) => ENTITIES[entity] ?? '')
}

interface Form {
  readonly title: string
  readonly action: string
  readonly fields: URLSearchParams
}

/** The one form of a page, filled in. A button that is not asked for is not pressed. */
function fillIn(html: string, user: string, isRefusing: boolean): Form {
  const form = /<form\b[^>]*>[\s\S]*?<\/form>/i.exec(html)?.[0]
  if (form === undefined) throw new Error(`a page without a form: ${html.slice(0, 200)}`)
  const fields = new URLSearchParams()
  for (const [tag] of form.matchAll(/<input\b[^>]*>/gi)) {
    const name = attributeOf(tag, 'name')
    if (name === undefined) continue
    const typed = /^(?:user(?:name)?|login|email|password)$/.test(name)
    fields.append(name, typed ? user : (attributeOf(tag, 'value') ?? ''))
  }
  for (const [tag] of isRefusing ? form.matchAll(/<button\b[^>]*\svalue="no"[^>]*>/gi) : []) {
    fields.append(attributeOf(tag, 'name') ?? '', 'no')
  }
  const heading = /<h1\b[^>]*>([\s\S]*?)<\/h1>/i.exec(html)?.[1] ?? 'untitled'
  // Those of Keycloak have comments and paragraphs in them.
  const title = heading.replaceAll(/<[^>]*>/g, ' ').trim()
  return { title, action: attributeOf(form, 'action') ?? '', fields }
}

const MAX_PAGES = 20

/**
 * Opens an authorization URL and goes on until the browser would return to the client. That last
 * request is not made; its URL is the answer.
 *
 * @param isRefusing whether the user says no where they can
 * @throws {Error} when the way ends anywhere else
 */
export async function visit(
  authorizationUrl: URL,
  user = 'alice',
  isRefusing = false,
): Promise<Visit> {
  const redirectUri = authorizationUrl.searchParams.get('redirect_uri')
  if (redirectUri === null) throw new Error('an authorization request without redirect_uri')
  const jar = new CookieJar()
  const forms: string[] = []
  let url = authorizationUrl
  let init: RequestInit = {}
  for (let page = 0; page < MAX_PAGES; page++) {
    const response: Response = await fetch(url, {
      ...init,
      headers: { accept: 'text/html', ...jar.header(url), ...init.headers },
      redirect: 'manual',
    })
    jar.store(url, response)
    const location = response.headers.get('location')
    const html = await response.text()
    if (location !== null) {
      const next = new URL(location, url)
      if (next.href.startsWith(redirectUri)) return { callback: next, forms }
      url = next
      init = {}
      continue
    }
    if (response.status !== 200) {
      throw new Error(`${url.origin}${url.pathname} answered ${response.status}: ${html}`)
    }
    const form = fillIn(html, user, isRefusing)
    forms.push(form.title)
    init = { method: 'POST', body: form.fields, headers: { origin: url.origin } }
    url = new URL(form.action, url)
  }
  throw new Error(`still not back at the client after ${MAX_PAGES} pages`)
}
