/** Flat folders: how a pattern or an expression reads a name. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { kindAt } from "#dsl/data/recognise";
import { flatFolder, type HostScan } from "#dsl/index";
import { thrownBy } from "./thrown.js";

const home = mkdtempSync(join(tmpdir(), "f2c-flat-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));
writeFileSync(join(home, "0001_c1_1.jpg"), "x");

/** What the host is asked for. */
function asked(identity: string | RegExp, root = home): HostScan {
  let given: HostScan | undefined;
  thrownBy(() =>
    flatFolder({ root, identity, size: 16 }).open({
      directory: home,
      scan: (scan) => {
        given = scan;
      },
    }),
  );
  return given!;
}

test.each([
  ["{identity}_c{camera}_{image}", "0000_c1_00000", "0000"],
  ["{identity}_*", "Aaron_Peirsol_0001", "Aaron_Peirsol"],
  ["{identity}-*", "12-name", "12"],
  ["{identity}-*.*", "12-name", "12"],
  ["*.{identity}", "a.b.c", "c"],
  ["({identity})*", "(x)y", "x"],
  ["{identity}_*", "none", undefined],
  [/^(\d+)_/, "0000_c1_00000.jpg", "0000"],
  [/^(?:a|b)(?<of>x\(?)(y)/, "ax(y", "x("],
  [/[(](\w)\)/, "(q)", "q"],
  [/(?<frame>\d)-(?<identity>\w+)/, "1-ann.jpg", "ann"],
])("%s of %s is %s", (identity, name, expected) => {
  const { pattern, part } = asked(identity) as HostScan & { pattern: string; part: string };
  expect(new RegExp(pattern).exec(name)?.groups?.identity).toBe(expected);
  expect(part).toBe(typeof identity === "string" ? "stem" : "name");
});

test.each(["*", "{identity}{identity}", /a/, 3 as never, undefined as never])("%s is refused", (identity) => {
  expect(thrownBy(() => flatFolder({ root: home, identity, size: 16 }))).toMatchObject({
    code: "F2C2202",
    message: expect.stringMatching(/^flatFolder: `identity` is .*, not a pattern such as/),
  });
});

test("a folder that is not there is refused, and one of images is known as such", () => {
  const open = () =>
    flatFolder({ root: "nowhere", identity: "{identity}_*", size: 16 }).open({ directory: home });
  expect(thrownBy(open)).toMatchObject({
    code: "F2C2146",
    message: expect.stringContaining("no such folder"),
  });
  expect(kindAt(home)?.reader).toBe("flatFolder");
});
