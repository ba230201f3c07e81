/** A growing list of token ids in one array, to be used again and again. */
export class IdBuffer {
  /** The ids, and beyond `length` room for more. Replaced when it grows: read it anew after each call. */
  data: Int32Array
  length = 0

  constructor(capacity = 1024) {
    this.data = new Int32Array(capacity)
  }

  /** Makes room for `count` more ids. */
  reserve(count: number): void {
    const needed = this.length + count
    if (needed <= this.data.length) return
    const grown = new Int32Array(Math.max(needed, this.data.length * 2))
    grown.set(this.data.subarray(0, this.length))
    this.data = grown
  }

  push(id: number): void {
    if (this.length === this.data.length) this.reserve(1)
    this.data[this.length++] = id
  }

  /** Appends `source[start]` to `source[end - 1]`. */
  append(source: Int32Array, start: number, end: number): void {
    this.reserve(end - start)
    for (let i = start; i < end; i++) this.data[this.length++] = source[i]!
  }

  clear(): void {
    this.length = 0
  }

  /** The ids as a window on `data`: valid until the next change. */
  view(): Int32Array {
    return this.data.subarray(0, this.length)
  }

  /** The ids as an array of their own. */
  toArray(): Int32Array {
    return this.data.slice(0, this.length)
  }
}
