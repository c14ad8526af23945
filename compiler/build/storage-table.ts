/** @file The tensors that live from step to step: their names from the keys of children, their groups, a twin's names. */

import {
  type AnyModule,
  bookkeptParts,
  isStored,
  type MethodState,
  moduleParts,
  STORAGE,
  type Stored,
  type Twin,
  twinParts,
} from "../../dsl/index.js";
import { experimentError } from "../diagnostics/catalogue.js";
import {
  type Group,
  type Init,
  isTrained,
  type Location,
  type Storage,
  type TensorType,
  tensorType,
} from "../ir/module.js";

/** A group of storages and the group whose shapes it shares. */
export interface GroupUse extends Group {
  readonly layout: string;
}

/** The group of all trained parameters. */
const TRAINED = "parameters";

const FLOATS = new Set(["f16", "bf16", "f32", "f64"]);

/** Keys that are not the state's to give: what optimizers and passes keep. */
const RESERVED: Readonly<Record<string, string>> = {
  optimizer: "what the optimizer keeps",
  accumulate: "what is kept between the steps of an update",
  precision: "what mixed precision keeps",
  scratch: "what a step works in",
};

/**
 * Names every stored tensor of a method's state. A module that stands under two keys has its tensors once, named after the
 * state's own key for it, or else after the first. Throws an ExperimentError for a state whose tensors cannot be named.
 */
export class StorageTable {
  private readonly names = new Map<Stored, string>();
  private readonly storedByName = new Map<string, Stored>();
  private readonly modulePaths = new Map<AnyModule, string>();
  /**
   * Modules and stored tensors that are directly in the state, with their keys. They keep these names wherever else they
   * are.
   */
  private readonly keys = new Map<unknown, string>();
  private readonly parameters: Storage[] = [];
  private readonly others: Storage[] = [];
  private readonly types = new Map<string, TensorType>();
  private readonly groupTable = new Map<string, GroupUse>();
  /** The path of each twin, and the names that it gives to the storages and modules of its original. */
  private readonly twinPaths = new Map<Twin, string>();
  private readonly renames = new Map<Twin, ReadonlyMap<string, string>>();

  constructor(
    state: MethodState,
    private readonly location: Location,
    private readonly initOf: InitOf = withoutFile,
  ) {
    const items = Object.entries(state);
    for (const [key, item] of items) {
      refuseReserved(key);
      if (!this.keys.has(item)) this.keys.set(item, key);
    }
    for (const [key, item] of items) this.collect(item, key);
    for (const [twin, path] of this.twinPaths) this.mirror(twin, path);
  }

  private collect(item: unknown, path: string): void {
    if ((this.keys.get(item) ?? path) !== path) return;
    if (isStored(item)) {
      if (this.names.has(item)) return;
      this.names.set(item, path);
      this.storedByName.set(path, item);
      this.add({
        name: path,
        type: tensorType(item.shape, item.dtype),
        init: this.initOf(item),
        role: item[STORAGE],
        ...(item.trainable === false && { trainable: false }),
        location: this.location,
      });
      return;
    }
    if (twinParts(item)) {
      if (!this.twinPaths.has(item as Twin)) this.twinPaths.set(item as Twin, path);
      return;
    }
    const parts = moduleParts(item);
    if (parts && !this.modulePaths.has(item as AnyModule)) this.modulePaths.set(item as AnyModule, path);
    for (const [name, child] of childrenOf(item)) this.collect(child, `${path}.${name}`);
  }

  private add(storage: Storage): void {
    if (this.types.has(storage.name)) throw experimentError("state-name-twice", { name: storage.name });
    (storage.role === "parameter" ? this.parameters : this.others).push(storage);
    this.types.set(storage.name, storage.type);
  }

  private mirror(twin: Twin, prefix: string): void {
    const original = originalOf(twin);
    if (!this.modulePaths.has(original)) throw experimentError("twin-outside-state", { name: prefix });
    const names = new Map<string, string>();
    for (const [item, path] of insideOf(original, prefix))
      names.set((isStored(item) ? this.names.get(item) : this.modulePaths.get(item))!, path);
    this.renames.set(twin, names);
    for (const { name: twinOf, type, location } of this.all) {
      const name = names.get(twinOf);
      if (name !== undefined)
        this.add({ name, type, init: { kind: "copy", of: twinOf }, role: "state", twinOf, location });
    }
  }

  /** The name of a stored tensor; `undefined` for one that is not part of the state. */
  nameOf(stored: Stored): string | undefined {
    return this.names.get(stored);
  }

  has(stored: Stored): boolean {
    return this.names.has(stored);
  }

  typeOf(name: string): TensorType {
    return this.types.get(name)!;
  }

  /** From the original's names, of storages and modules, to the twin's; `undefined` for a twin outside the state. */
  renameFor(twin: Twin): ((name: string) => string) | undefined {
    const names = this.renames.get(twin);
    return names && ((name) => names.get(name) ?? name);
  }

  /**
   * The group of a module's parameters or floating-point states. `rename` maps their names to those of a twin that the
   * module is in.
   */
  group(
    module: AnyModule,
    rename: (name: string) => string,
    what: "parameters" | "buffers",
  ): GroupUse | undefined {
    const original = originalOf(module);
    const path = this.modulePaths.get(original);
    if (path === undefined) return undefined;
    const isMember = (item: Stored) =>
      what === "parameters"
        ? item[STORAGE] === "parameter"
        : item[STORAGE] === "state" && FLOATS.has(item.dtype);
    const stored = insideOf(original, path).flatMap(([item]) =>
      isStored(item) && isMember(item) ? [item] : [],
    );
    return this.define({
      name: `${rename(path)}.${what}`,
      layout: `${path}.${what}`,
      members: stored.map((item) => rename(this.names.get(item)!)),
    });
  }

  /** How many members the groups of a layout have; none, as the buffers of a net without statistics. */
  sizeOf(layout: string): number {
    return [...this.groupTable.values()].find((g) => g.layout === layout)!.members.length;
  }

  /** The parameters that optimizers move, in order. */
  get trainedParameters(): readonly Storage[] {
    return this.all.filter(isTrained);
  }

  /** A storage by its name. */
  named(name: string): Storage | undefined {
    return this.all.find((storage) => storage.name === name);
  }

  /**
   * From now on the optimizer moves rows of a parameter, `count` at a time, which lie in scratch; and for each row of the parameter
   * there is a number to work with.
   */
  rowsOf(name: string, count: number): { readonly rows: string; readonly places: string } {
    const at = this.parameters.findIndex((p) => p.name === name);
    const parameter: Storage = { ...this.parameters[at]!, byRows: true };
    this.parameters[at] = parameter;
    const [rows, places] = [`scratch.rows.${name}`, `scratch.places.${name}`];
    const { dims, dtype } = parameter.type;
    const scratch = { init: { kind: "zeros" }, role: "scratch", location: parameter.location } as const;
    this.add({ ...scratch, name: rows, type: tensorType([count, ...dims.slice(1)], dtype), rowsOf: name });
    this.add({ ...scratch, name: places, type: tensorType([dims[0]!], "i64") });
    return { rows, places };
  }

  /** What the optimizer keeps of a parameter by rows, and the scratch for the rows of it; or one number a row, which needs none. */
  slotOfRows(slot: string, name: string, rows: string): { readonly all: string; readonly rows: string } {
    const [parameter, picked] = [this.named(name)!, this.named(rows)!];
    const [all, some] = [slotName(slot, name), `scratch.${slot}.${name}`];
    const { type, location } = parameter;
    this.add({ name: all, type, init: this.slotInit(slot, name), role: "optimizer", slotOf: name, location });
    this.add({ ...picked, name: some, slotOf: rows, rowsOf: all });
    return { all, rows: some };
  }

  countOfRows(name: string): string {
    const { type, location } = this.named(name)!;
    const count = `optimizer.step.${name}`;
    const numbers = tensorType([type.dims[0]!], type.dtype);
    this.add({
      name: count,
      type: numbers,
      init: { kind: "zeros" },
      role: "optimizer",
      slotOf: name,
      location,
    });
    return count;
  }

  /** A group under a name, laid out as another, or as no other. */
  listed(name: string, members: readonly string[], layout = name): GroupUse {
    return this.define({ name, layout, members });
  }

  /** All trained parameters, in the optimizer's order. */
  trained(): GroupUse {
    return this.define({
      name: TRAINED,
      layout: TRAINED,
      members: this.trainedParameters.map((p) => p.name),
    });
  }

  /** Some of the trained parameters, as a group under a label; if they are all, that group. */
  trainedPart(label: string, members: readonly string[]): GroupUse {
    if (members.length === this.trainedParameters.length) return this.trained();
    const name = `optimizer.${TRAINED}.${label || "dense"}`;
    return this.define({ name, layout: name, members });
  }

  /**
   * A slot of the optimizer for a group of trained parameters: one tensor for each of them, zero at first where no file has it. Its
   * name depends on no group, so that checkpoints are found whatever the groups are.
   */
  slot(name: string, { name: of, members }: GroupUse): GroupUse {
    const nameFor = (parameter: string) => slotName(name, parameter);
    for (const p of this.trainedParameters)
      if (members.includes(p.name) && !this.types.has(nameFor(p.name)))
        this.add({
          ...p,
          name: nameFor(p.name),
          init: this.slotInit(name, p.name),
          role: "optimizer",
          slotOf: p.name,
        });
    const label = of.slice(`optimizer.${TRAINED}`.length);
    return this.define({
      name: of === TRAINED ? `optimizer.${name}` : `optimizer.${name}${label}`,
      layout: of,
      members: members.map(nameFor),
    });
  }

  private slotInit(slot: string, parameter: string): Init {
    const stored = this.storedByName.get(parameter);
    return stored ? this.initOf(stored, slot) : { kind: "zeros" };
  }

  private define(group: GroupUse): GroupUse {
    this.groupTable.set(group.name, group);
    return group;
  }

  /** Everything stored, parameters first. */
  get all(): readonly Storage[] {
    return [...this.parameters, ...this.others];
  }
  get groups(): readonly Group[] {
    return [...this.groupTable.values()].map(({ name, members }) => ({ name, members }));
  }
}

function refuseReserved(key: string): void {
  if (Object.hasOwn(RESERVED, key))
    throw experimentError("state-name-taken", { name: key, what: RESERVED[key]! });
  if (key.includes(".")) throw experimentError("state-key-with-dot", { name: key });
}

/** What the optimizer keeps of a parameter in a slot, in programs and in files. */
export const slotName = (slot: string, parameter: string): string => `optimizer.${slot}.${parameter}`;

/** How a stored tensor starts, or what a slot of the optimizer keeps of it. */
export type InitOf = (stored: Stored, slot?: string) => Init;

/** How a tensor starts where no file has it. */
export const withoutFile = ({ init }: Pick<Stored, "init">, slot?: string): Init => {
  if (slot !== undefined) return { kind: "zeros" };
  return init.kind === "weights" ? withoutFile({ init: init.otherwise }) : init;
};

/** Every stored tensor of a state, once. */
export function storedIn(state: MethodState): ReadonlySet<Stored> {
  const found = new Set<unknown>();
  const visit = (item: unknown): void => {
    if (twinParts(item) || found.has(item)) return;
    found.add(item);
    if (!isStored(item)) for (const [, child] of childrenOf(item)) visit(child);
  };
  for (const item of Object.values(state)) visit(item);
  return new Set([...found].filter(isStored));
}

/** What a module, a piece with a book, a list or a record holds, by name. */
function childrenOf(item: unknown): readonly (readonly [string, unknown])[] {
  const children = moduleParts(item)?.children ?? bookkeptParts(item)?.tensors ?? item;
  return typeof children === "object" && children !== null ? Object.entries(children) : [];
}

/** The net that a twin copies, also if it is a twin of a twin; any other module itself. */
function originalOf(module: AnyModule): AnyModule {
  const twin = twinParts(module);
  return twin ? originalOf(twin.of) : module;
}

/** A module and the modules and stored tensors within it, each once, with their paths; twins within it are left out. */
function insideOf(module: AnyModule, path: string): readonly (readonly [AnyModule | Stored, string])[] {
  const found = new Map<AnyModule | Stored, string>();
  const visit = (item: unknown, at: string): void => {
    if (twinParts(item) || found.has(item as Stored)) return;
    if (isStored(item) || moduleParts(item)) found.set(item as AnyModule | Stored, at);
    if (!isStored(item)) for (const [name, child] of childrenOf(item)) visit(child, `${at}.${name}`);
  };
  visit(module, path);
  return [...found];
}
