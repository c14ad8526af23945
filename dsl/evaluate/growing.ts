/** @file A list of numbers that grows, in a typed array: an array of 30 million numbers would take four times the memory. */

/** Whole numbers below 2^31, as many as come. */
export class Growing {
  private numbers = new Int32Array(1024);
  length = 0;

  push(number: number): void {
    if (this.length === this.numbers.length) {
      const larger = new Int32Array(2 * this.length);
      larger.set(this.numbers);
      this.numbers = larger;
    }
    this.numbers[this.length++] = number;
  }

  get all(): Int32Array {
    return this.numbers.subarray(0, this.length);
  }
}
