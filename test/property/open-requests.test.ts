/** The list of open requests, against the `Set` that it stands for. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { OpenRequest } from '../../src/gateway/backend.js'
import { OpenRequests } from '../../src/gateway/open-requests.js'

const request = () => ({ place: 0 }) as OpenRequest
const steps = fc.array(fc.record({ adds: fc.boolean(), which: fc.nat(30) }), { maxLength: 200 })

test('it holds what was added and not deleted, whatever is deleted twice or never was there', () => {
  fc.assert(
    fc.property(steps, (list) => {
      const open = new OpenRequests()
      const model = new Set<OpenRequest>()
      const known: OpenRequest[] = [request()]
      for (const { adds, which } of list) {
        const each = adds ? request() : (known[which % known.length] as OpenRequest)
        if (adds) {
          known.push(each)
          open.add(each)
          model.add(each)
        } else {
          open.delete(each)
          model.delete(each)
        }
        expect(open.size).toBe(model.size)
        expect(new Set(open)).toEqual(model)
        expect([...open].every((one, place) => one.place === place)).toBe(true)
      }
    }),
  )
})
