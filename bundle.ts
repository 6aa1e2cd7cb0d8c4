/**
 * The last step of `npm run build`: the command line as a few files instead of some two hundred, which start it in
 * two thirds of the time. What a run may not need stays a file of its own. The entries of the library are the
 * compiler's files, because whoever imports them has a bundler of their own, or wants to see what is there.
 */
import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const ROOT = import.meta.dirname
const OUT = join(ROOT, 'dist/cli')
const { dependencies, peerDependencies } = JSON.parse(
  readFileSync(join(ROOT, 'package.json'), 'utf8'),
) as Record<'dependencies' | 'peerDependencies', Record<string, string>>

/**
 * Of zod's files, two thirds are translations of messages, and every way to import it loads them all. The other
 * packages stay the installed ones: updates of theirs reach whoever runs us.
 */
const BUNDLED = 'zod'

await build({
  entryPoints: [join(ROOT, 'src/cli/main.ts')],
  outdir: OUT,
  bundle: true,
  splitting: true,
  chunkNames: 'parts/[name]-[hash]',
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  external: Object.keys({ ...dependencies, ...peerDependencies }).filter(
    (name) => name !== BUNDLED,
  ),
  logLevel: 'warning',
})
copyFileSync(join(ROOT, 'node_modules', BUNDLED, 'LICENSE'), join(OUT, `parts/LICENSE-${BUNDLED}`))
