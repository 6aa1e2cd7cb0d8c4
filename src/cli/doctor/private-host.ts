/**
 * Host names that exist only on one machine or in one network.
 *
 * @module
 */

const NETWORKS =
  /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/
const NAMES = /\.(?:local|internal|lan|home\.arpa|test|localdomain)$/

/** @param host as in `URL.hostname` */
export function isPrivateHost(host: string): boolean {
  const isNetwork = /^\d+\.\d+\.\d+\.\d+$/.test(host) && NETWORKS.test(host)
  return isNetwork || /^\[f[cd]/.test(host) || NAMES.test(host) || !/[.:]/.test(host)
}
