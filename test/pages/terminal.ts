/** What a program shows in a terminal of 100 columns, and a picture of it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import type { Browser } from 'playwright-core'
import { escapeHtml } from '../../src/base/html.js'
import { savePicture } from './screen.js'

const COLUMNS = 100

const ROOT = resolve(import.meta.dirname, '../..')

/** `script` gives the program a terminal (util-linux). */
export async function inTerminal(command: string): Promise<string> {
  const args = ['-qefc', `stty cols ${COLUMNS} && exec ${command}`, '/dev/null']
  const { NO_COLOR: _, ...env } = process.env
  const child = spawn('script', args, {
    cwd: ROOT,
    // The same wherever the tests run: a CI sets `CI`, which some programs read as "no colour".
    env: { ...env, CI: 'true', TERM: 'xterm-256color' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let shown = ''
  child.stdout.on('data', (chunk) => (shown += String(chunk)))
  await once(child, 'close')
  return shown.replaceAll(ERASED, '').replaceAll('\r', '')
}

// oxlint-disable-next-line no-control-regex -- that is what colours begin with
const COLOUR = /\u001b\[(\d+)m/g

/** Progress that the program wrote over. */
// oxlint-disable-next-line no-control-regex -- that is how a line is erased
const ERASED = /[^\n]*\r\u001b\[K/g

/** The text without colours. */
export function plain(shown: string): string {
  return shown.replace(COLOUR, '')
}

/** Lines that a terminal breaks although they could have been broken at a space. */
export function tooLong(shown: string): readonly string[] {
  return plain(shown)
    .split('\n')
    .filter((line) => line.length > COLUMNS && line.trim().includes(' '))
}

/** As common terminals have them on black. */
const STYLES = {
  1: 'font-weight:bold',
  2: 'opacity:.7',
  31: 'color:#f66',
  32: 'color:#6c6',
  33: 'color:#dc6',
  36: 'color:#6cc',
} as const

function toHtml(shown: string): string {
  const spans = escapeHtml(shown).replace(COLOUR, (_, code: string) =>
    code === '0' ? '</span>' : `<span style="${STYLES[code as unknown as keyof typeof STYLES]}">`,
  )
  return `<!doctype html><title>Terminal</title><body style="margin:0">
<pre style="margin:0;padding:1ch;width:${COLUMNS + 2}ch;box-sizing:border-box;background:#111;color:#ddd;
font:14px/1.35 monospace;white-space:pre-wrap;word-break:break-all">${spans}</pre>`
}

export async function saveTerminal(browser: Browser, shown: string, name: string): Promise<void> {
  const page = await browser.newPage({ viewport: { width: 880, height: 400 } })
  await page.setContent(toHtml(shown))
  await savePicture(page, name)
  await page.close()
}
