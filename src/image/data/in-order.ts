/**
 * Does asynchronous work on items, `atOnce` of them at a time, and yields the results in the items' order, so that what
 * comes out does not depend on which was done first. Throws what `work` throws, at the place of its item.
 */
export async function* inOrder<Item, Result>(
  items: AsyncIterable<Item>,
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const underWay: Promise<Result>[] = []
  for await (const item of items) {
    const result = work(item)
    result.catch(() => {}) // it is awaited below, perhaps after others
    underWay.push(result)
    if (underWay.length >= atOnce) yield await underWay.shift()!
  }
  for (const result of underWay) yield await result
}
