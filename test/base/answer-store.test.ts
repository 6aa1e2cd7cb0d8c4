/** The store in the memory of this process keeps what every store must. */
import { createMemoryAnswerStore } from 'mcp-gatehouse'
import { describe, expect, test } from 'vitest'

function createScene(max?: number) {
  let at = 1_000_000
  const store = createMemoryAnswerStore({ now: () => at, ...(max !== undefined && { max }) })
  return { store, pass: (milliseconds: number) => (at += milliseconds) }
}

describe('a memory answer store', () => {
  test('gives back what was set until its time is over', async () => {
    const { store, pass } = createScene()
    expect(await store.get('a')).toBeUndefined()
    await store.set('a', '1', 1_000)
    pass(999)
    expect(await store.get('a')).toBe('1')
    pass(1)
    expect(await store.get('a')).toBeUndefined()
    await store.set('a', '2', 1_000)
    await store.delete('a')
    expect(await store.get('a')).toBeUndefined()
  })

  test('sets a missing value only once, also for callers at the same time', async () => {
    const { store, pass } = createScene()
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, i) => store.setIfAbsent('a', String(i), 1_000)),
    )
    expect(outcomes.filter(Boolean)).toHaveLength(1)
    expect(await store.get('a')).toBe('0')
    pass(1_000)
    expect(await store.setIfAbsent('a', 'again', 1_000)).toBe(true)
  })

  test('is bounded, and evicts the oldest answer, never a mark', async () => {
    const { store, pass } = createScene(3)
    await store.setIfAbsent('mark', '1', 60_000)
    for (const key of ['a', 'b', 'c', 'd']) await store.set(key, key, 60_000)
    const kept = await Promise.all(['mark', 'a', 'b', 'c', 'd'].map((key) => store.get(key)))
    expect(kept).toEqual(['1', undefined, undefined, 'c', 'd'])
    await store.setIfAbsent('second', '1', 60_000)
    await store.setIfAbsent('third', '1', 60_000)
    await expect(store.setIfAbsent('fourth', '1', 60_000)).rejects.toThrow('full of marks')
    await expect(store.set('e', 'e', 60_000)).rejects.toThrow('full of marks')
    expect(await store.get('mark')).toBe('1')
    pass(60_000)
    expect(await store.setIfAbsent('fourth', '1', 60_000)).toBe(true)
  })
})
