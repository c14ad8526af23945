import { describe, expect, test } from "vitest";
import { virtualColumns } from "#dsl/plan/virtual-columns";

describe("virtual columns", () => {
  test("are an identity's number modulo the columns; who finds it taken moves to a free one and leaves nothing there", () => {
    for (let step = 0; step < 100; step++) {
      const { touched, kept, target, place } = virtualColumns(8, Int32Array.of(3, 11, 4, 3, 19), 9, step);
      expect([touched[0], touched[2], touched[4]]).toEqual([3, 4, 8]);
      expect([...kept]).toEqual([1, 0, 1, 0, 0]);
      expect(new Set(touched.subarray(0, 4)).size).toBe(4);
      for (const moved of [touched[1]!, touched[3]!]) expect([3, 4]).not.toContain(moved);
      expect([...place]).toEqual([0, 1, 2, 0, 3]);
      expect([...target]).toEqual([...place].map((at) => touched[at]));
    }
  });

  test("are refused to more identities than there are columns", () => {
    expect(() => virtualColumns(2, Int32Array.of(0, 1, 2), 1, 0)).toThrow(
      expect.objectContaining({ code: "F2C2142" }),
    );
  });
});
