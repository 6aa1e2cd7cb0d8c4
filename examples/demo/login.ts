/**
 * The pages of the demo's identity provider: who are you (any name will do), and do you agree.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { InteractionResults, Provider } from 'oidc-provider'

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '"': '&quot;' }

function escaped(text: string): string {
  return text.replace(/[&<"]/g, (character) => ESCAPES[character] ?? '')
}

function page(title: string, body: string): string {
  return `<!doctype html><meta charset="utf-8"><title>${title}</title>
<style>body{font:16px system-ui;max-width:26em;margin:4em auto}</style>
<h1>${title}</h1><form method="post">${body}</form>`
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : []
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return new URLSearchParams(text)
}

type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>

function show({ prompt, params }: Interaction): string {
  if (prompt.name === 'login') {
    const field = '<input name="login" value="alice" autocomplete="username" autofocus>'
    return page('Who are you?', `<p>Any name will do. ${field} <button>Log in</button>`)
  }
  const scopes = Object.entries(prompt.details['missingResourceScopes'] ?? {})
  const asked = scopes.map(
    ([resource, names]) => `<li>${escaped(strings(names).join(' '))} at ${escaped(resource)}`,
  )
  const client = escaped(String(params['client_id']))
  return page(
    'Do you agree?',
    `<p>Client <code>${client}</code> asks for:<ul>${asked.join('')}</ul>
<button>Agree</button> <button name="answer" value="no">Refuse</button>`,
  )
}

/** Stores the consent. */
async function grant(provider: Provider, interaction: Interaction): Promise<string> {
  const { prompt, params, session, grantId } = interaction
  const existing = grantId === undefined ? undefined : await provider.Grant.find(grantId)
  const granted =
    existing ??
    new provider.Grant({
      ...(session !== undefined && { accountId: session.accountId }),
      clientId: String(params['client_id']),
    })
  const { missingOIDCScope, missingOIDCClaims, missingResourceScopes } = prompt.details
  granted.addOIDCScope(strings(missingOIDCScope).join(' '))
  granted.addOIDCClaims(strings(missingOIDCClaims))
  for (const [resource, names] of Object.entries(missingResourceScopes ?? {})) {
    granted.addResourceScope(resource, strings(names).join(' '))
  }
  return granted.save()
}

async function resultOf(
  provider: Provider,
  interaction: Interaction,
  form: URLSearchParams,
): Promise<InteractionResults> {
  if (interaction.prompt.name === 'login') {
    return { login: { accountId: form.get('login')?.trim() || 'alice' } }
  }
  if (form.get('answer') === 'no') {
    return { error: 'access_denied', error_description: 'The user refused it' }
  }
  return { consent: { grantId: await grant(provider, interaction) } }
}

/** Answers `/interaction/…`: shows a form, or takes what was typed into it. */
export async function answerInteraction(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const interaction = await provider.interactionDetails(request, response)
  if (request.method !== 'POST') {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end(show(interaction))
    return
  }
  const form = await readForm(request)
  const result = await resultOf(provider, interaction, form)
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true })
}
