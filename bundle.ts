/**
 * The last step of `npm run build`: what the command line needs and the library does not becomes part of our own
 * files, so that who uses the library installs none of it, and the command starts faster.
 *
 * - `dist/cli`: the command line with all of its packages but those of the library. What a run may not need stays a file
 *   of its own.
 * - `dist/flags.js`: the entry `./flags` with zod and yaml. It shares every other file with the other entries: an error
 *   class that existed twice would not be an instance of itself.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild'

const ROOT = import.meta.dirname
const SOURCE = join(ROOT, 'src')
const OUT = join(ROOT, 'dist')
const LICENCES = join(OUT, 'cli/licences')
const { dependencies, peerDependencies, bin, exports } = JSON.parse(
  readFileSync(join(ROOT, 'package.json'), 'utf8'),
) as Record<'dependencies' | 'peerDependencies' | 'bin', Record<string, string>> & {
  readonly exports: Record<string, string | { readonly types: string; readonly default: string }>
}

/** `./flags` answers at once, so it loads yaml by `require`; a bundler looks into one that it knows only. */
const REQUIRED_YAML = "createRequire(import.meta.url)('yaml')"
const requireYaml: Plugin = {
  name: 'require-yaml',
  setup({ onLoad }) {
    onLoad({ filter: /config\/file-document\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8')
      if (!source.includes(REQUIRED_YAML)) throw new Error(`${path} loads yaml in another way`)
      return { contents: source.replace(REQUIRED_YAML, "require('yaml')"), loader: 'ts' }
    })
  },
}

/** The files of the library stay the compiler's files. */
const libraryOutside: Plugin = {
  name: 'library-outside',
  setup({ onResolve }) {
    onResolve({ filter: /^\./ }, ({ path, importer, resolveDir }) => {
      if (!importer.startsWith(SOURCE)) return undefined
      const file = relative(SOURCE, resolve(resolveDir, path))
      return file.startsWith('config/') ? undefined : { path: `./${file}`, external: true }
    })
  },
}

const COMMON: BuildOptions & { readonly metafile: true } = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  // A start reads a third less, and takes a sixth less time. Names stay, for stack traces.
  minifyWhitespace: true,
  minifySyntax: true,
  external: Object.keys({ ...dependencies, ...peerDependencies }),
  // Packages in CommonJS ask for modules of Node by `require`.
  banner: {
    js: "import { createRequire as gatehouseRequire } from 'node:module'; const require = gatehouseRequire(import.meta.url);",
  },
  metafile: true,
  logLevel: 'warning',
}

/** The folder of the package that a bundled file belongs to. */
function packageOf(file: string): string | undefined {
  const parts = file.split('/')
  const at = parts.lastIndexOf('node_modules')
  if (at < 0) return undefined
  return parts.slice(0, at + (parts[at + 1]?.startsWith('@') === true ? 3 : 2)).join('/')
}

/** Their licences ask for it. */
function copyLicences({ inputs }: Metafile): void {
  const packages = new Set(Object.keys(inputs).flatMap((file) => packageOf(file) ?? []))
  for (const folder of packages) {
    const name = folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length)
    const licence = readdirSync(join(ROOT, folder)).find((file) => /^licen[cs]e/i.test(file))
    if (licence === undefined)
      throw new Error(`${name} has no licence that could be shipped with it`)
    mkdirSync(LICENCES, { recursive: true })
    copyFileSync(join(ROOT, folder, licence), join(LICENCES, name.replace('/', '+')))
  }
}

const cli = await build({
  ...COMMON,
  entryPoints: [join(SOURCE, 'cli/main.ts')],
  outdir: join(OUT, 'cli'),
  splitting: true,
  chunkNames: 'parts/[name]-[hash]',
  plugins: [requireYaml],
})
const flags = await build({
  ...COMMON,
  entryPoints: [join(SOURCE, 'flags.ts')],
  outfile: join(OUT, 'flags.js'),
  plugins: [requireYaml, libraryOutside],
  allowOverwrite: true,
})
for (const { metafile } of [cli, flags]) copyLicences(metafile)
/** What a file of `dist` names by a relative path: code, or types. */
function namedBy(file: string): readonly string[] {
  const isTypes = file.endsWith('.d.ts')
  const named = readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*['"](\.[^'"\n]+)['"]/g)
  return [...named].map(([, path = '']) => {
    const target = resolve(dirname(file), path)
    return isTypes ? target.replace(/\.js$/, '.d.ts') : target
  })
}

/** Files that no entry leads to: types of what is inside, and code that was nothing but types or is bundled. */
function removeUnreached(entries: readonly string[]): void {
  const reached = new Set<string>()
  const pending = entries.map((entry) => resolve(ROOT, entry))
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    // What an example in a comment names need not be there.
    if (reached.has(file) || !existsSync(file)) continue
    reached.add(file)
    pending.push(...namedBy(file))
  }
  for (const name of readdirSync(OUT, { encoding: 'utf8', recursive: true })) {
    const file = join(OUT, name)
    if (/\.(?:js|d\.ts)$/.test(name) && !reached.has(file)) rmSync(file)
  }
}

removeUnreached([
  ...Object.values(bin),
  ...Object.values(exports).flatMap((each) =>
    typeof each === 'string' ? [] : [each.types, each.default],
  ),
])
