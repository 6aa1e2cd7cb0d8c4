/** Certificates as a company has them: of an authority that no system knows. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Each in PEM. */
interface Certificates {
  readonly ca: string
  readonly key: string
  readonly cert: string
}

/** A certificate authority of a company, and a certificate of it for loopback. */
export function makeCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-ca-'))
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Test CA')
  openssl(
    'req',
    ...newKey.slice(0, 5),
    '-keyout',
    'key.pem',
    '-out',
    'req.pem',
    '-subj',
    '/CN=localhost',
    '-addext',
    'subjectAltName=DNS:localhost,IP:127.0.0.1',
  )
  openssl(
    'x509',
    '-req',
    '-in',
    'req.pem',
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-out',
    'cert.pem',
    '-days',
    '2',
    '-copy_extensions',
    'copy',
  )
  const read = (name: string) => readFileSync(join(folder, name), 'utf8')
  return { ca: read('ca.pem'), key: read('key.pem'), cert: read('cert.pem') }
}
