/** `npm run generate`: writes what follows from the settings. */
import { readFileSync, writeFileSync } from 'node:fs'
import { jsonSchema, readmeWithTables } from './artefacts.js'

writeFileSync('README.md', await readmeWithTables(readFileSync('README.md', 'utf8')))
writeFileSync('gatehouse.schema.json', await jsonSchema())
