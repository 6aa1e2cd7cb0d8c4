/** The same server on stdin and stdout. */
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { createSdkV2 } from './sdk-v2.js'

serveStdio(createSdkV2)
