/** `npm run generate`: writes what follows from the settings. */
import { readFileSync, writeFileSync } from 'node:fs'
import { GENERATED_PAGES, jsonSchema, regenerate } from './artefacts.js'

for (const name of GENERATED_PAGES) {
  const file = `docs/${name}.md`
  writeFileSync(file, await regenerate(name, readFileSync(file, 'utf8')))
}
writeFileSync('gatehouse.schema.json', await jsonSchema())
