/** @file A list of whole numbers that grows, in a typed array: an array of 30 million numbers would take four times the memory. */

type Numbers = Int32Array | Uint8Array;

/** Whole numbers, as many as come. */
export class Growing<T extends Numbers = Int32Array> {
  private numbers: T;
  length = 0;

  constructor(
    private readonly kind: new (length: number) => T = Int32Array as unknown as new (
      length: number,
    ) => T,
  ) {
    this.numbers = new kind(1024);
  }

  push(number: number): void {
    if (this.length === this.numbers.length) {
      const larger = new this.kind(2 * this.length);
      larger.set(this.numbers);
      this.numbers = larger;
    }
    this.numbers[this.length++] = number;
  }

  get all(): T {
    return this.numbers.subarray(0, this.length) as T;
  }
}
