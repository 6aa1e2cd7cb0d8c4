/** The browser that clients open: `stand-in.ts URL` logs in, agrees, and returns to the client. */
import { setTimeout as sleep } from 'node:timers/promises'
import { visit } from '../../examples/demo/browser.js'

const { callback } = await visit(new URL(process.argv[2] ?? ''))

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
