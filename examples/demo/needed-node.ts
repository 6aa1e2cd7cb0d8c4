/**
 * The first import of the demo: too old a Node ends it with one line, before anything else is loaded.
 */
import { nodeFault } from '../../src/gateway/needed-runtime.js'

const fault = nodeFault(process.versions)
if (fault !== undefined) {
  console.error(fault)
  process.exit(2)
}
