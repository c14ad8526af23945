import { describe, expect, test } from "vitest";
import { StorageTable } from "#compiler/build/storage-table";
import { batchNorm1d, bookkept, linear, type MethodState, module, sequential, state, twin } from "#dsl/index";

const place = { path: "exp.ts", start: 0, end: 1 };
const tableOf = (items: MethodState) => new StorageTable(items, place);
const namesIn = ({ all }: StorageTable) => all.map((s) => s.name);
const statesOf = ({ all }: StorageTable) => all.filter((s) => s.role === "state");
const same = (name: string) => name;

const net = () => module({ fc: linear(4, 3), bn: batchNorm1d(3) }, ({ fc, bn }, x: never) => bn(fc(x)));
const PARAMETERS = ["fc.weight", "fc.bias", "bn.weight", "bn.bias"];
const BUFFERS = ["bn.mean", "bn.variance"];
const under = (path: string, names: readonly string[]) => names.map((name) => `${path}.${name}`);

describe("a net that is listed and wrapped", () => {
  const inner = net();
  const both = module({ inner, head: linear(3, 2) }, ({ inner, head }, x: never) => head(inner(x)));

  test.each([
    ["first", { net: inner, both }],
    ["last", { both, net: inner }],
  ])("has the state's own name for it, listed %s", (_, items) => {
    const table = tableOf(items);
    expect(new Set(namesIn(table))).toEqual(
      new Set([...under("net", [...PARAMETERS, ...BUFFERS]), "both.head.weight", "both.head.bias"]),
    );
  });

  test.each([
    ["first", { net: inner, both }],
    ["last", { both, net: inner }],
  ])("gives its parameters and buffers to what wraps it, listed %s", (_, items) => {
    const table = tableOf(items);
    expect(table.group(both, same, "parameters")!.members).toEqual([
      ...under("net", PARAMETERS),
      "both.head.weight",
      "both.head.bias",
    ]);
    expect(table.group(both, same, "buffers")!.members).toEqual(under("net", BUFFERS));
    expect(table.group(inner, same, "parameters")!.members).toEqual(under("net", PARAMETERS));
  });

  test("is copied by a twin of what wraps it", () => {
    const gallery = twin(both);
    const table = tableOf({ net: inner, both, gallery });
    const rename = table.renameFor(gallery)!;
    const group = table.group(gallery, rename, "parameters")!;
    expect(group.members).toEqual([
      ...under("gallery.inner", PARAMETERS),
      "gallery.head.weight",
      "gallery.head.bias",
    ]);
    expect(group.layout).toBe(table.group(both, same, "parameters")!.layout);
    const copies = statesOf(table).filter((s) => s.init.kind === "copy");
    expect(copies.map((s) => s.twinOf)).toEqual(copies.map((s) => (s.init as { of: string }).of));
    expect(copies.map((s) => [s.name, s.twinOf])).toEqual(
      [
        ...[...PARAMETERS, ...BUFFERS].map((name) => [`gallery.inner.${name}`, `net.${name}`]),
        ["gallery.head.weight", "both.head.weight"],
        ["gallery.head.bias", "both.head.bias"],
      ].sort(byStorage(table)),
    );
  });
});

/** In the order of the originals' table: parameters, then states. */
const byStorage = (table: StorageTable) => (a: readonly string[], b: readonly string[]) =>
  namesIn(table).indexOf(a[1]!) - namesIn(table).indexOf(b[1]!);

describe("a twin", () => {
  test("names the tensors of a part of it as its own, also as a group", () => {
    const probe = net();
    const gallery = twin(probe);
    const table = tableOf({ probe, gallery });
    const rename = table.renameFor(gallery)!;
    const { bn } = (probe as unknown as { [key: symbol]: { children: { bn: never } } })[
      Symbol.for("f2c-dsl.module")
    ]!.children;
    expect(table.group(bn, rename, "parameters")).toEqual({
      name: "gallery.bn.parameters",
      layout: "probe.bn.parameters",
      members: ["gallery.bn.weight", "gallery.bn.bias"],
    });
  });

  test("may be a twin's, a child's or a wrapper's, and have two keys", () => {
    const probe = sequential(linear(4, 3));
    const first = twin(probe);
    const inside = twin(probe);
    const wrapper = module({ inside, head: linear(3, 2) }, ({ inside, head }, x: never) => head(inside(x)));
    const table = tableOf({ probe, first, again: first, second: twin(first), wrapper });
    const twins = statesOf(table);
    expect(twins.map((s) => s.init)).toEqual(twins.map((s) => ({ kind: "copy", of: s.twinOf })));
    expect(twins.map((s) => [s.name, s.twinOf])).toEqual(
      ["first", "second", "wrapper.inside"].flatMap((path) => [
        [`${path}.0.weight`, "probe.0.weight"],
        [`${path}.0.bias`, "probe.0.bias"],
      ]),
    );
    // What a twin holds is not trained: it is no parameter of what contains it.
    expect(table.group(wrapper, same, "parameters")!.members).toEqual([
      "wrapper.head.weight",
      "wrapper.head.bias",
    ]);
  });

  test("of a net outside the state is refused", () => {
    const stranger = sequential(linear(4, 3));
    expect(() => tableOf({ net: net(), gallery: twin(stranger) })).toThrow(/`gallery` is a twin of a net/);
    expect(tableOf({ net: net() }).renameFor(twin(stranger))).toBeUndefined();
  });
});

describe("names of the state", () => {
  test.each(["optimizer", "accumulate", "precision"])("%s is taken", (key) => {
    expect(() => tableOf({ net: net(), [key]: state([2]) })).toThrow(/has a name that is taken/);
  });
  test("have no dot", () => {
    expect(() => tableOf({ "my.net": net() })).toThrow(/`my.net` has a dot in its name/);
  });

  const dotted = { fc: linear(4, 3), "fc.weight": state([2]) };
  test.each<[string, MethodState]>([
    ["a child", { net: module(dotted, ({ fc }, x: never) => fc(x)) }],
    [
      "a child that is listed first",
      { net: module({ "fc.bias": state([2]), ...dotted }, (_, x: never) => x) },
    ],
    ["a piece with a book", { pool: bookkept(dotted, () => ({ state: () => ({}), restore: () => {} })) }],
  ])("%s may not spell another tensor's name", (_, items) => {
    expect(() => tableOf(items)).toThrow(
      /two tensors of the method's state would both be called `\w+\.fc\.\w+`/,
    );
  });
});
