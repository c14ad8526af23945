import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import {
  type CompileError,
  compileExperiment,
  type IrModule,
  loadExperiment,
  parseModule,
  verify,
} from "#compiler/index";

const root = mkdtempSync(join(tmpdir(), "f2c-roles-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const FROZEN = "const frozen = <S extends Stored>(stored: S): S => ({ ...stored, trainable: false });";

/** Softmax over `head` on what `fixed`, a frozen parameter, makes of pooled pixels; `twins` of both nets beside them. */
function experiment({ head = "parameter([5, 8], normal(0.1))", more = "" }): string {
  const path = join(root, "experiment.ts");
  writeFileSync(
    path,
    `import { adaptiveAvgPool2d, dual, experiment, type Features, fixed as each, flatten, type Images, loader, method, module, normal, ops, parameter, sgd, syntheticFaces, twin, type Tensor } from "f2c-dsl";
${FROZEN.replace("Stored", "ReturnType<typeof parameter<readonly number[]>>")}
const net = () => module(
  { pool: adaptiveAvgPool2d(2), flat: flatten(), fixed: frozen(parameter([8, 12], normal(0.1))) },
  ({ pool, flat, fixed }, x: Images): Features<8> => ops.linear(flat(pool(x)) as never, fixed as never, null) as never,
);
export default experiment({
  name: "roles",
  data: syntheticFaces({ identities: 5, imagesPerIdentity: each(4), size: 16, heldOut: { identities: 0, images: 0 } }),
  method: () => {
    const probe = net();
    return method({ net: probe, gallery: twin(probe), head: ${head} }, {
      plan: (_books, { x }) => ({ labels: x.labels }),
      step({ net, head }, { x }, plan) {
        const scores = ops.linear(net(x) as never, head as never, null);
        return { loss: ops.cross_entropy(scores as never, plan.labels as never).mean() as unknown as Tensor<readonly [], "f32"> };
      },
      embed: ({ net }, images) => net(images) as Features<8>,
    });
  },
  loader: loader(dual({ identities: 3, instances: 2 })),
  optimizer: sgd({ momentum: 0.9 }),
  lr: 0.1,
  steps: 2,
  ${more}
});
`,
  );
  return path;
}
const compiled = (options: { head?: string; more?: string }) =>
  compileExperiment(loadExperiment(experiment(options))).module;

describe("a frozen parameter", () => {
  const module = compiled({ more: "accumulate: 2," });
  const rolesIn = ({ storages }: IrModule) =>
    Object.fromEntries(storages.map(({ name, location, type, init, ...role }) => [name, role]));

  test("is a parameter that no update moves: no slot of the optimizer, no sum of gradients, in no group of them", () => {
    expect(rolesIn(module)).toEqual({
      "net.fixed": { role: "parameter", trainable: false },
      head: { role: "parameter" },
      "gallery.fixed": { role: "state", twinOf: "net.fixed" },
      "optimizer.velocity.head": { role: "optimizer", slotOf: "head" },
      "accumulate.gradient.head": { role: "optimizer", slotOf: "head" },
    });
    const members = Object.fromEntries(module.groups.map((g) => [g.name, g.members]));
    expect(members).toMatchObject({
      parameters: ["head"],
      "optimizer.velocity": ["optimizer.velocity.head"],
      "accumulate.gradient": ["accumulate.gradient.head"],
    });
    expect(verify(module)).toEqual([]);
  });

  test("is kept beside what mixed precision keeps, which is the optimizer's and no parameter's", () => {
    expect(rolesIn(compiled({ more: 'precision: "f16",' }))).toMatchObject({
      "net.fixed": { role: "parameter", trainable: false },
      "precision.loss_scale": { role: "optimizer" },
      "precision.good_steps": { role: "optimizer" },
    });
  });

  test.each([
    ["frozen(parameter([5, 8], normal(0.1)))", "F2C2107"],
    ["parameter([5, 8], normal(0.1))", undefined],
  ])("is nothing to train: %s beside it gives %s", (head, code) => {
    let found: string | undefined;
    try {
      compiled({ head });
    } catch (error) {
      found = (error as CompileError).diagnostics[0]!.code;
    }
    expect(found).toBe(code);
  });
});

describe("what a storage is said to be for", () => {
  const module = (storages: string) =>
    parseModule(
      `module @m version 1.2 { parameter @w : f32[2, 3] = zeros parameter @kept : f32[2, 3] = zeros frozen ${storages} }`,
    );

  test.each([
    "state @s : f32[2, 3] = zeros twin of @w state @kin : f32[2, 3] = zeros twin of @s",
    "state @s : f32[3, 2] = zeros twin of @w",
    "state @s : f16[2, 3] = zeros twin of @w",
    "state @s : f32[2, 3] = zeros twin of @nobody",
    "parameter @s : f32[2, 3] = zeros twin of @w",
    "state @s : f32[2, 3] = zeros slot of @w",
    "optimizer @s : f32[2] = zeros slot of @w",
    "optimizer @s : f32[2, 3] = zeros slot of @kept",
    "optimizer @s : f32[2, 3] = zeros slot of @nobody",
    "state @s : f32[2, 3] = zeros frozen",
    "optimizer @s : f32[2, 3] = zeros frozen",
  ])("must fit: %s", (storages) => {
    expect(verify(module(storages)).map((v) => v.constraint)).toEqual(["V12"]);
  });

  test("may be a twin of what is frozen, a slot of another dtype, and what the optimizer keeps for no parameter", () => {
    const storages = `state @s : f32[2, 3] = zeros twin of @kept optimizer @m : bf16[2, 3] = zeros slot of @w optimizer @t : f32[] = zeros`;
    expect(verify(module(storages))).toEqual([]);
  });
});
