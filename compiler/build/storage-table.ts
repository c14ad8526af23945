/** @file The tensors that live from step to step: their names from the keys of children, their groups, a twin's names. */
import {
  type AnyModule,
  bookkeptParts,
  type ChildRecord,
  isStored,
  type MethodState,
  moduleParts,
  STORAGE,
  type Stored,
  type Twin,
  twinParts,
} from "../../dsl/index.js";
import {
  type Group,
  type Init,
  type Location,
  type Storage,
  type TensorType,
  tensorType,
} from "../ir/module.js";

/** A group of storages and the group whose shapes it shares. */
export interface GroupUse extends Group {
  readonly layout: string;
}

const FLOATS = new Set(["f16", "bf16", "f32", "f64"]);

/** Names every stored tensor of a method's state. Two keys for one module share its tensors, under the first name. */
export class StorageTable {
  private readonly names = new Map<Stored, string>();
  private readonly modulePaths = new Map<AnyModule, string>();
  private readonly parameterList: Storage[] = [];
  private readonly stateList: Storage[] = [];
  private readonly types = new Map<string, TensorType>();
  private readonly groupTable = new Map<string, GroupUse>();
  private readonly twinPaths = new Map<Twin, { prefix: string; of: string }>();

  constructor(
    state: MethodState,
    private readonly location: Location,
  ) {
    const items = Object.entries(state);
    for (const [name, item] of items) if (!twinParts(item)) this.collect(item, name);
    for (const [name, item] of items) if (twinParts(item)) this.mirror(item as Twin, name);
  }

  private collect(item: unknown, path: string): void {
    if (isStored(item)) {
      if (this.names.has(item)) return;
      this.names.set(item, path);
      this.add(item[STORAGE] === "parameter", {
        name: path,
        type: tensorType(item.shape, item.dtype),
        init: item.init,
        location: this.location,
      });
      return;
    }
    const parts = moduleParts(item);
    if (parts && !this.modulePaths.has(item as AnyModule)) this.modulePaths.set(item as AnyModule, path);
    const children = parts?.children ?? bookkeptParts(item)?.tensors ?? item;
    if (typeof children !== "object" || children === null) return;
    for (const [name, child] of Object.entries(children as ChildRecord))
      this.collect(child, `${path}.${name}`);
  }

  private add(isParameter: boolean, storage: Storage): void {
    (isParameter ? this.parameterList : this.stateList).push(storage);
    this.types.set(storage.name, storage.type);
  }

  private mirror(twin: Twin, prefix: string): void {
    const of = this.modulePaths.get(twinParts(twin)!.of);
    if (of === undefined) throw new Error(`internal: the original of twin ${prefix} is not in the state`);
    this.twinPaths.set(twin, { prefix, of });
    const mirrored = [...this.parameterList, ...this.stateList].filter((s) => s.name.startsWith(`${of}.`));
    for (const storage of mirrored) {
      const init: Init = { kind: "copy", of: storage.name };
      this.add(false, { ...storage, name: prefix + storage.name.slice(of.length), init });
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

  /** From the original's storage names to the twin's. */
  renameFor(twin: Twin): (name: string) => string {
    const { prefix, of } = this.twinPaths.get(twin)!;
    return (name) => prefix + name.slice(of.length);
  }

  /** The group of a net's parameters or floating-point states; a twin's has the layout of its original's. */
  group(net: AnyModule, twin: Twin | undefined, what: "parameters" | "buffers"): GroupUse | undefined {
    const original = this.modulePaths.get(twin ? twinParts(twin)!.of : net);
    if (original === undefined) return undefined;
    const source =
      what === "parameters" ? this.parameterList : this.stateList.filter((s) => FLOATS.has(s.type.dtype));
    const members = source.filter((s) => s.name.startsWith(`${original}.`)).map((s) => s.name);
    const layout = `${original}.${what}`;
    const rename = twin ? this.renameFor(twin) : (name: string) => name;
    return this.define({
      name: twin ? `${this.twinPaths.get(twin)!.prefix}.${what}` : layout,
      layout,
      members: members.map(rename),
    });
  }

  /** All trained parameters, as the optimizer walks over them. */
  trained(): GroupUse {
    return this.define({
      name: "parameters",
      layout: "parameters",
      members: this.parameterList.map((p) => p.name),
    });
  }

  /** A slot of the optimizer: one state, zero at first, for each trained parameter. */
  slot(name: string): GroupUse {
    const members = this.parameterList.map((p) => `optimizer.${name}.${p.name}`);
    if (!this.groupTable.has(`optimizer.${name}`)) {
      for (const [i, p] of this.parameterList.entries())
        this.add(false, { ...p, name: members[i]!, init: { kind: "zeros" } });
    }
    return this.define({ name: `optimizer.${name}`, layout: "parameters", members });
  }

  private define(group: GroupUse): GroupUse {
    this.groupTable.set(group.name, group);
    return group;
  }

  get parameters(): readonly Storage[] {
    return this.parameterList;
  }
  get states(): readonly Storage[] {
    return this.stateList;
  }
  get groups(): readonly Group[] {
    return [...this.groupTable.values()].map(({ name, members }) => ({ name, members }));
  }
}
