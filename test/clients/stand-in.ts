/**
 * The browser that clients open: `stand-in.ts URL` logs in, agrees, and returns to the client. Its user is the one in
 * `STAND_IN_USER`, or alice, and refuses the scope in `STAND_IN_REFUSES`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { visit } from '../../examples/demo/browser.js'

const url = new URL(process.argv[2] ?? '')
const { STAND_IN_USER: user = 'alice', STAND_IN_REFUSES: refused = '' } = process.env
const asked = url.searchParams.get('scope')?.split(' ') ?? []
const { callback } = await visit(url, user, asked.includes(refused))

// Some clients open the browser first and their listener afterwards.
for (let attempt = 1; ; attempt++) {
  try {
    await fetch(callback)
    break
  } catch (error) {
    if (attempt === 100) throw error
    await sleep(50)
  }
}
