/** Groups of the optimizer: which parameters each has, what an update is told at a step, and what the program shows of them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type UpdateGroup, updateNumbers, updatesOf } from "#compiler/build/parameter-groups";
import {
  type CompiledExperiment,
  compileExperiment,
  finiteStorages,
  loadExperiment,
  printModule,
  usedStorages,
  weightsHash,
} from "#compiler/index";
import { adamw, type Beginning, groups, type ParameterGroup, sgd } from "#dsl/index";
import { compareIdentity, identityOf } from "#runtime/run/identity";
import { Planner } from "#runtime/stages/planner";

const PARAMETERS = [
  { name: "net.stem.weight", shape: [8, 3, 3, 3] },
  { name: "net.stem.bias", shape: [8] },
  { name: "net.head.weight", shape: [4, 8] },
  { name: "network", shape: [1] },
  { name: "head.scale", shape: [] },
];

const divided = (list: readonly ParameterGroup[]) =>
  updatesOf(groups(list), PARAMETERS).groups.map(({ name, members }) => [name, members]);

describe("a parameter", () => {
  const rest = { by: sgd() };

  test("is in the first group that takes it, by a name, names or a predicate", () => {
    expect(
      divided([
        { of: ({ shape }) => shape.length === 4, by: sgd(), name: "kernels" },
        { of: "net.*", by: sgd() },
        { of: ["head.*", "nothing"], by: sgd() },
        rest,
      ]),
    ).toEqual([
      ["kernels", ["net.stem.weight"]],
      ["net", ["net.stem.bias", "net.head.weight"]],
      ["2", ["head.scale"]],
      ["3", ["network"]],
    ]);
  });

  test("is named whole: a star stands for any text, a dot for itself", () => {
    expect(divided([{ of: "*.bias", by: sgd() }, rest])[0]).toEqual(["bias", ["net.stem.bias"]]);
    expect(divided([{ of: "net.*.weight", by: sgd() }, rest])[0]![1]).toHaveLength(2);
    expect(() => divided([{ of: "head", by: sgd() }, rest])).toThrow(/`head` of `optimizer` takes no/);
    expect(() => divided([{ of: "net.stem", by: sgd() }, rest])).toThrow(/takes no parameter/);
  });

  test("that no group takes is named, and so is a group that takes none", () => {
    expect(() => divided([{ of: "net.*", by: sgd() }])).toThrow(
      "no group of `optimizer` takes `network`, `head.scale`",
    );
    expect(() => divided([rest, { of: "net.*", by: sgd() }])).toThrow(/`net` of `optimizer` takes no/);
  });

  test("decays where it has two dimensions, if only matrices do", () => {
    const { groups: found } = updatesOf(adamw({ weightDecay: 0.1, decay: "matrices" }), PARAMETERS);
    expect(found.map((group) => group.parts.map(({ label, members }) => [label, members]))).toEqual([
      [
        ["0", ["net.stem.weight", "net.head.weight"]],
        ["1", ["net.stem.bias", "network", "head.scale"]],
      ],
    ]);
    // Nothing decays, so nothing is divided.
    expect(updatesOf(adamw({ weightDecay: 0, decay: "matrices" }), PARAMETERS).groups[0]!.parts).toHaveLength(
      1,
    );
    const matrices = PARAMETERS.filter(({ shape }) => shape.length > 1);
    expect(updatesOf(adamw({ decay: "matrices" }), matrices).groups[0]!.parts).toHaveLength(1);
  });
});

test.each([
  [[], "a list without a group"],
  [[{ by: sgd(), name: "a.b" }], 'the `name` "a.b"'],
  [
    [
      { of: "net.*", by: sgd() },
      { by: sgd(), name: "net" },
    ],
    "two groups are called `net`",
  ],
  [[{ by: undefined as never }], "`by` of the group `0` is no optimizer"],
  [[{ by: sgd(), lr: Number.NaN }], "`lr` of the group `0` is NaN"],
  [[{ by: sgd(), from: { step: 1.5 } }], "`from` of the group `0`"],
  [[{ by: sgd(), from: { epoch: -1 } }], "`from` of the group `0`"],
  [[{ by: sgd(), from: { epoch: 1, step: 2 } }], "`from` of the group `0`"],
] as const)("groups(%j) is refused: %s", (list, message) => {
  expect(() => groups(list)).toThrow(message);
});

/** The updates of a group as they happen, one after the other, and what the plan said of each. */
function updates(from: Beginning | undefined, accumulate: number, steps: number, stepsPerEpoch: number) {
  const group: UpdateGroup = {
    ...{ name: "a", members: ["w"], parts: [], gradients: undefined, loss: "loss", lr: 2, from },
  };
  const happened: number[] = [];
  for (let step = 0; step < steps; step++) {
    const at = { step, epoch: Math.floor(step / stepsPerEpoch), stepsPerEpoch, steps };
    const all = { groups: [group], gradients: undefined };
    const numbers = updateNumbers(all, at, 0.5, accumulate, () => Number.NaN);
    expect(numbers.lr_a).toBe(1);
    if ((step + 1) % accumulate === 0 && numbers["optimizer.a.moves"])
      happened.push(numbers["optimizer.a.step"] as number);
  }
  return happened;
}

test.each([
  [undefined, 1, 12],
  [undefined, 5, 2],
  [{ step: 4 }, 1, 8],
  // The update after steps 3, 4, 5 comes at step 5, which is not before 4.
  [{ step: 4 }, 3, 3],
  [{ step: 6 }, 3, 2],
  [{ epoch: 1.5 }, 1, 6],
  [{ epoch: 9 }, 2, 0],
] as const)(
  "from %j on, with %i steps an update, updates are numbered 1 to %i",
  (from, accumulate, count) => {
    expect(updates(from, accumulate, 12, 4)).toEqual(Array.from({ length: count }, (_, i) => i + 1));
  },
);

const folder = mkdtempSync(join(tmpdir(), "f2c-groups-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function compiled(optimizer: string, more = ""): CompiledExperiment {
  const path = join(folder, "exp.ts");
  writeFileSync(
    path,
    `import { adamw, adaptiveAvgPool2d, always, dual, experiment, fixed, flatten, groups, type Images, linear, method, module, ops, sgd, syntheticFaces } from "f2c-dsl";
export default experiment({
  name: "groups",
  data: syntheticFaces({ identities: 5, imagesPerIdentity: fixed(4), size: 16, heldOut: { identities: 0, images: 0 } }),
  loader: dual({ identities: 2, instances: 2 }),
  lr: 0.1, steps: 8,
  optimizer: ${optimizer},
  ${more}
  method: ({ identities }) =>
    method(
      { net: module({ pool: adaptiveAvgPool2d(1), flat: flatten(), fc: linear(3, 8) }, ({ pool, flat, fc }, x: Images) => fc(flat(pool(x)))), head: linear(8, identities) },
      {
        plan: (_books, { x }) => ({ labels: x.labels }),
        step: ({ net, head }, { x }, plan) => ops.cross_entropy(head(net(x)), plan.labels).mean(),
        embed: ({ net }, images) => net(images),
      },
    ),
});
`,
  );
  return compileExperiment(loadExperiment(path));
}

const GROUPS = `groups([
  { of: "head.*", by: sgd(), lr: 10 },
  { by: adamw({ decay: "matrices" }), lr: always(0.01), from: { epoch: 0.5 }, name: "rest" },
])`;

describe("a program with groups", () => {
  const program = compiled(GROUPS);
  const text = printModule(program.module, { function: "step" });

  test("takes one gradient, and gives each part its members of it", () => {
    expect(text.match(/ gradients\(/g)).toHaveLength(1);
    expect(text.match(/members\(.*/g)?.map((line) => line.trim())).toEqual([
      'members(%gradients, group = "optimizer.parameters.head") : group<optimizer.parameters.head>',
      'members(%gradients, group = "optimizer.parameters.rest") : group<optimizer.parameters.rest>',
      'members(%gradients#2, group = "optimizer.parameters.rest.0") : group<optimizer.parameters.rest.0>',
      'members(%gradients#2, group = "optimizer.parameters.rest.1") : group<optimizer.parameters.rest.1>',
    ]);
    expect(text.match(/if\(.*\)/g)).toEqual(["if(%optimizer.rest.moves)"]);
  });

  test("names its slots by parameters alone, so that a checkpoint does not show the groups", () => {
    const slots = program.module.storages.filter(({ role }) => role === "optimizer").map(({ name }) => name);
    expect(slots.sort()).toEqual(
      [
        ...["weight", "bias"].map((name) => `optimizer.velocity.head.${name}`),
        ...["moment", "square"].flatMap((slot) =>
          ["weight", "bias"].map((name) => `optimizer.${slot}.net.fc.${name}`),
        ),
      ].sort(),
    );
  });

  test("gets from the plan what its updates use, and no more", () => {
    const inputs = program.module.functions[0]!.inputs.map(({ value }) => value.name);
    expect(inputs.filter((name) => /^(lr|optimizer)/.test(name))).toEqual([
      ...["lr", "lr_head", "lr_rest", "optimizer.rest.step", "optimizer.rest.moves"],
    ]);
    const planner = new Planner(program);
    const plans = Array.from({ length: 8 }, () => planner.next().scalars);
    // An epoch is 10 steps: 20 images, 2 of which are an image's own turn.
    expect(plans.map((p) => p["optimizer.rest.moves"])).toEqual([...Array(5).fill(false), true, true, true]);
    expect(plans.slice(5).map((p) => p["optimizer.rest.step"])).toEqual([1, 2, 3]);
    expect(plans[6]).toMatchObject({ lr: 0.1, lr_head: 1, lr_rest: 0.01 });
    expect(Object.keys(plans[0]!).sort()).toEqual(
      inputs.filter((name) => /^(lr|optimizer)/.test(name)).sort(),
    );
    planner.restore(6, {});
    expect(planner.next().scalars).toEqual(plans[6]);
  });

  test("goes on with another rate or beginning of a group, and not with other groups", () => {
    const saved = JSON.parse(JSON.stringify(identityOf(program)));
    const resumed = (edit: (text: string) => string) => {
      const { refused, changed } = compareIdentity(saved, identityOf(compiled(edit(GROUPS))));
      return [refused.map(({ option }) => option), changed.map(({ option }) => option)];
    };
    expect(resumed((text) => text.replace("lr: 10", "lr: 5"))).toEqual([
      [],
      ["optimizer.lr.head", "lr_head"],
    ]);
    expect(resumed((text) => text.replace("epoch: 0.5", "epoch: 0.7"))).toEqual([
      [],
      ["optimizer.from.rest.epoch"],
    ]);
    expect(resumed((text) => text.replace('"head.*"', '"head.weight"'))[0]).not.toEqual([]);
    expect(resumed((text) => text.replace('"matrices"', '"all"'))[0]).toEqual([
      "optimizer.groups.rest.by.decay",
    ]);
  });
});

test("one optimizer for all parameters leaves no trace of groups", () => {
  const text = printModule(compiled("sgd({ momentum: 0.9 })").module);
  expect(text).not.toMatch(/members\(|optimizer\.parameters|optimizer\.step|lr_/);
  expect(text).toContain("group @optimizer.velocity = [");
});

describe("a parameter whose rows a step takes", () => {
  const path = join(folder, "rows.ts");
  const taking = (call: string) => {
    writeFileSync(
      path,
      `import { dual, experiment, type Features, fixed, type Images, method, module, normal, ops, parameter, sgd, syntheticFaces } from "f2c-dsl";
export default experiment({
  name: "rows",
  data: syntheticFaces({ identities: 9, imagesPerIdentity: fixed(4), size: 16, heldOut: { identities: 0, images: 0 } }),
  loader: dual({ identities: 2, instances: 2 }),
  optimizer: sgd({ momentum: 0.9 }), lr: 0.1, steps: 4,
  method: ({ identities }) =>
    method(
      { net: module({ weight: parameter([8, 3], normal(1)) }, ({ weight }, x: Images): Features<8> => ops.linear(x.mean([2, 3]) as never, weight as never) as never), classes: parameter([identities, 8], normal(1)) },
      {
        plan: (_books, { x }) => ({ labels: x.labels }),
        step: ({ net, classes }, { x }, plan) => net(x).mul(classes.${call}).sum(),
        embed: ({ net }, images) => net(images),
      },
    ),
});
`,
    );
    return compileExperiment(loadExperiment(path)).module;
  };
  const [whole, rows] = [taking("index_select(plan.labels)"), taking("rows(plan.labels)")];

  test("takes no part in the gradient: rows of it do, in scratch", () => {
    const members = rows.groups.find(({ name }) => name === "parameters")!.members;
    expect(members).toEqual(["net.weight", "scratch.rows.classes"]);
    const facts = Object.fromEntries(
      rows.storages.map(({ name, role, slotOf, rowsOf, byRows }) => [name, [role, slotOf, rowsOf, byRows]]),
    );
    expect(facts.classes).toEqual(["parameter", undefined, undefined, true]);
    expect(facts["scratch.rows.classes"]).toEqual(["scratch", undefined, "classes", undefined]);
    expect(facts["optimizer.velocity.classes"]).toEqual(["optimizer", "classes", undefined, undefined]);
    expect(facts["scratch.velocity.classes"]).toEqual([
      ...["scratch", "scratch.rows.classes", "optimizer.velocity.classes", undefined],
    ]);
  });

  test("has the checkpoints of one that is taken whole: scratch is in none", () => {
    expect(weightsHash(rows)).toBe(weightsHash(whole));
    const finite = [whole, rows].map((module) => finiteStorages(module, usedStorages(module)));
    expect(finite[1]).toEqual(finite[0]);
    expect(finite[0]).toContain("optimizer.velocity.classes");
  });
});
