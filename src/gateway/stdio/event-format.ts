/**
 * A message as an event (WHATWG HTML §9.2).
 *
 * @module
 */

const END = Buffer.from('\n\n')
const CARRIAGE_RETURN = 0x0d

/**
 * A message as an event. A carriage return would end the event, but in JSON it occurs only between
 * tokens.
 */
export function formatEvent(line: Buffer, id?: string): Buffer {
  const head = `${id === undefined ? '' : `id: ${id}\n`}event: message\ndata: `
  const data = line.includes(CARRIAGE_RETURN)
    ? Buffer.from(line.map((byte) => (byte === CARRIAGE_RETURN ? 0x20 : byte)))
    : line
  return Buffer.concat([Buffer.from(head), data, END])
}
