import { expect, it } from 'vitest'
import { Lanes } from './lanes.ts'

it('runs at most so many tasks at once, the others in order, and is idle at the end', async () => {
  const lanes = new Lanes(2)
  let active = 0
  let most = 0
  const order: number[] = []
  const tasks = Array.from({ length: 9 }, (_, index) =>
    lanes.run(async () => {
      order.push(index)
      most = Math.max(most, ++active)
      await new Promise((resolve) => setImmediate(resolve))
      active--
      if (index === 4) throw new Error('one fails')
      return index
    }),
  )
  const settled = Promise.allSettled(tasks)
  await lanes.idle()
  expect([most, active, order]).toEqual([2, 0, [0, 1, 2, 3, 4, 5, 6, 7, 8]])
  expect((await settled).filter(({ status }) => status === 'rejected')).toHaveLength(1)
  await lanes.idle()
})
