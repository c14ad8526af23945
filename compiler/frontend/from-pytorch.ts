/**
 * @file What people write who come from PyTorch, and what to write here instead. In a hint, `{x}` is what stands before the
 * dot, `{args}` are the arguments as they were given, `{list}` is one list of them, and `{first}` and `{rest}` take them
 * apart.
 */
import * as library from "../../dsl/index.js";
import { OPS } from "../registry/index.js";

type Hints = Readonly<Record<string, string>>;
const same = (names: string, hint: string): Hints =>
  Object.fromEntries(names.split(" ").map((name) => [name, hint]));

const LOGGED = "a number is logged by returning it beside the loss: { loss, value: {x} }";
const ONE_DEVICE =
  'leave it out: all of a step runs on one device, which experiment({ device: "cuda" }) chooses';
const LEARNS = "parameter(…) gets gradients; state(…) and what .detach() gives do not";

/** Members of tensors. */
const TENSOR: Hints = {
  item: `use the tensor as it is, as in {x}.mul(2): reading it back would wait for the device in every step; ${LOGGED}`,
  ...same("numpy tolist data", `a step reads nothing back, it would wait for the device; ${LOGGED}`),
  ...same("toFixed toString", `there are no strings on the device; ${LOGGED}`),
  ...same("cpu cuda device pin_memory", ONE_DEVICE),
  ...same("view view_as reshape_as unflatten", "write {x}.reshape({list}); one size may be -1"),
  ...same("T t mT H adjoint", "write {x}.transpose(0, 1)"),
  ...same("swapaxes swapdims", "write {x}.transpose({args})"),
  ...same("mm bmm mv", "write {x}.matmul({args})"),
  dot: "write {x}.mul({args}).sum(), or {x}.matmul({args}) for a matrix product",
  max: "write {x}.amax({args}) for the largest value, {x}.argmax(dim) for its place, ops.maximum(a, b) for the larger of two",
  min: "write {x}.amin({args}) for the smallest value, {x}.neg().argmax(dim) for its place, ops.minimum(a, b) for the smaller of two",
  argmin: "write {x}.neg().argmax({args})",
  ...same("float", 'write {x}.to("f32")'),
  double: 'write {x}.to("f64")',
  long: 'write {x}.to("i64")',
  int: 'write {x}.to("i32")',
  bool: "compare it: {x}.ne(0)",
  half: 'write {x}.to("f16"); experiment({ precision: "f16" }) computes a whole step so',
  bfloat16: 'write {x}.to("bf16"); experiment({ precision: "bf16" }) computes a whole step so',
  ...same("type type_as astype", 'write {x}.to("f32")'),
  backward: "leave it out: the step returns the loss, and the compiler takes its gradient",
  ...same("clone copy", "leave it out: values do not change in place, so none needs a copy"),
  ...same("requires_grad requires_grad_ retain_grad is_leaf grad_fn register_hook", LEARNS),
  grad: `the optimizer gets the gradients, a step does not see them; ${LEARNS}`,
  ...same("ndim dim ndimension", "write {x}.shape.length"),
  length: "write {x}.size(0); all sizes are {x}.shape",
  ...same("numel nelement", "multiply the sizes: {x}.size(0) * {x}.size(1)"),
  ...same(
    "repeat tile repeat_interleave",
    "join copies with ops.cat([{x}, {x}]), or let shapes broadcast: {x}.unsqueeze(0)",
  ),
  ...same(
    "split unbind tensor_split",
    "{x}.chunk(n, dim) divides it, {x}.slice(dim, start, end) takes a part, {x}.select(dim, i) one row or column",
  ),
  ...same(
    "fmod floor_divide",
    "write {x}.remainder({args}) for what is left, {x}.div({args}).floor() for the rest",
  ),
  ceil: "write {x}.neg().floor().neg()",
  round: "write {x}.add(0.5).floor()",
  square: "write {x}.pow(2)",
  reciprocal: "write {x}.pow(-1)",
  ...same("kthvalue median", "{x}.topk(k) gives the k largest values and their places"),
  any: 'write {x}.to("f32").amax().gt(0)',
  all: 'write {x}.to("f32").amin().gt(0)',
  ...same(
    "nonzero masked_select unique",
    'sizes are known before a step runs: choose with ops.where(mask, a, b), or multiply by mask.to("f32")',
  ),
  clamp_min: "write {x}.clamp({ min: {args} })",
  clamp_max: "write {x}.clamp({ max: {args} })",
  normalize: "it is a function of f2c-dsl: normalize({x})",
  cross_entropy: "it is a function: ops.cross_entropy({x}, labels)",
  ...same(
    "cat concat stack where",
    "it is a function: ops.cat([a, b]), ops.stack([a, b]), ops.where(condition, a, b)",
  ),
  equal: "write {x}.eq({args})",
  ...same("plus", "write {x}.add({args})"),
  ...same("minus subtract", "write {x}.sub({args})"),
  ...same("times multiply", "write {x}.mul({args})"),
  divide: "write {x}.div({args})",
  ...same(
    "labels images",
    "the plan has them, and gives them to the step: plan: (_books, { x }) => ({ labels: x.labels })",
  ),
  ...same("parameters forward", "a tensor is no net: it has methods, which docs/ops.md lists"),
};

/** Members of modules. */
const MODULE: Hints = {
  ...same(
    "parameters named_parameters",
    "the optimizer trains every parameter of the method's state; the group of them is parametersOf({x}), of f2c-dsl",
  ),
  ...same("buffers named_buffers", "the group of them is buffersOf({x}), of f2c-dsl"),
  ...same("forward __call__", "a module is called like a function: {x}({args})"),
  ...same(
    "eval train",
    "leave it out: a net trains in `step` and evaluates in `embed`; within a step, evaluating(() => {x}(images)) of f2c-dsl",
  ),
  ...same("cpu cuda to device", ONE_DEVICE),
  ...same(
    "half bfloat16 float",
    'leave it out: experiment({ precision: "bf16" }) says what a step is computed in',
  ),
  ...same(
    "weight bias",
    "what a module stores only its own forward sees: module({ weight: parameter([…], normal(0.01)) }, ({ weight }, x: Features) => …)",
  ),
  ...same(
    "state_dict load_state_dict save load",
    "leave it out: a run saves checkpoints by itself, and continues with f2c-dsl run --resume",
  ),
  ...same("zero_grad", "leave it out: every step has gradients of its own"),
  ...same("requires_grad requires_grad_", `${LEARNS}; noGrad(() => {x}(images)) records no gradient`),
  ...same(
    "children modules add_module register_buffer",
    "children are what module({ … }, forward) was given, by name",
  ),
  apply: "initial values are given where a layer is made: conv2d(…, { init: kaimingNormal() })",
};

/** Members of groups of tensors, which `parametersOf` gives. */
const GROUP: Hints = {
  ...same(
    "map forEach filter reduce length",
    "a group is one value, of any number of tensors: {x}.foreach_norm() is their length, {x}.foreach_mul(0.9) scales each",
  ),
};
export const LOOP_OVER_GROUP =
  "a group is one value: parametersOf(net).foreach_norm() is the length of all its tensors, .foreach_mul(0.9) scales each; weight decay is the optimizer's: sgd({ weightDecay: 5e-4 })";

/** Functions and members of torch, torch.nn.functional and numpy that have no op of that name here. */
const FUNCTION: Hints = {
  zeros: "write ops.full({list}, 0)",
  ones: "write ops.full({list}, 1)",
  ...same("empty full_", "write ops.full({list}, 0)"),
  zeros_like: "write ops.full_like({first}, 0)",
  ones_like: "write ops.full_like({first}, 1)",
  randperm: "write ops.permutation({args})",
  rand_like: "write ops.rand({first}.shape)",
  randn_like: "write ops.randn({first}.shape)",
  ...same("dropout Dropout", "it is a layer of f2c-dsl, dropout(0.1), which leaves `embed` alone"),
  ...same(
    "normal random multinomial uniform",
    "ops.rand, randn, randint, bernoulli and permutation draw on the device; a plan may draw too, and give a Float32Array",
  ),
  ...same(
    "tensor as_tensor from_numpy array asarray Tensor FloatTensor LongTensor",
    "a number is written as it is: x.mul(2); a list is ops.tensor([1, 2]); an array of each step is a value of the plan: Float32Array or Int32Array",
  ),
  eye: "write ops.one_hot(ops.arange({args}), {args})",
  ...same("linspace range", 'write ops.arange(n).to("f32").mul(step).add(start)'),
  einsum: "write it with .transpose, .matmul, .mul and .sum",
  ...same("no_grad inference_mode enable_grad set_grad_enabled", "write noGrad(() => …), of f2c-dsl"),
  ...same("autocast amp GradScaler", 'leave it out: experiment({ precision: "bf16" }) does it'),
  ...same("concat concatenate hstack vstack", "write ops.cat({args}, dim)"),
  ...same("mm bmm dot mv inner", "write {first}.matmul({rest})"),
  ...same("float32 float", 'write "f32"'),
  ...same("float16 half", 'write "f16"'),
  bfloat16: 'write "bf16"',
  ...same("float64 double", 'write "f64"'),
  ...same("int64 long", 'write "i64"'),
  ...same("int32 int", 'write "i32"'),
  uint8: 'write "u8"',
  ...same("device cuda", ONE_DEVICE),
  ...same("manual_seed seed", "write experiment({ seed: 1 })"),
  ...same(
    "save load",
    "leave it out: a run saves checkpoints by itself, and continues with f2c-dsl run --resume",
  ),
  ...same(
    "optim lr_scheduler",
    "experiment({ optimizer: sgd({ momentum: 0.9 }), lr: cosine({ base: 0.1 }) }), both of f2c-dsl",
  ),
  ...same("mse_loss MSELoss", "write a.sub(b).pow(2).mean()"),
  ...same("l1_loss L1Loss", "write a.sub(b).abs().mean()"),
  ...same("CrossEntropyLoss nll_loss NLLLoss", "write ops.cross_entropy(logits, labels).mean()"),
  cosine_similarity: "write normalize(a).mul(normalize(b)).sum(1), normalize being of f2c-dsl",
  ...same("Module", "write module({ fc: linear(8, 5) }, ({ fc }, x: Features) => fc(x)), both of f2c-dsl"),
  ...same("Parameter", "write parameter([8, 5], normal(0.01)), of f2c-dsl"),
  ...same("functional", "functions are ops: ops.cross_entropy(a, b), or methods: x.relu()"),
  ...same("AvgPool2d", "write ops.avg_pool2d(x, { kernel: 2 })"),
  ...same("Identity", "leave it out"),
  ...same("Sigmoid Tanh SiLU GELU", "they are methods of tensors: x.sigmoid(), x.tanh(), x.silu(), x.gelu()"),
  ...same("Softmax LogSoftmax", "they are methods of tensors: x.softmax(1), x.log_softmax(1)"),
  ...same("DataParallel DistributedDataParallel", "leave it out: a run has one device"),
};

const PYTORCH =
  "PyTorch's functions are ops here: ops.cat([a, b]), many of them methods: x.relu(); docs/ops.md lists them";

/** Names that Python, or a script of PyTorch, has everywhere. */
const NAME: Hints = {
  ...same("torch tf jnp", PYTORCH),
  ...same("F np numpy", PYTORCH),
  nn: "layers are functions of f2c-dsl: linear(8, 5), conv2d(3, 8, { kernel: 3 }), sequential(…)",
  ops: 'import { ops } from "f2c-dsl"',
  len: "a tensor has x.size(0), a list has list.length",
  print: "return the number beside the loss, { loss, value }: it is logged with every step",
  range: "write for (let i = 0; i < n; i++)",
  enumerate: "write list.map((item, i) => …), or for (const [i, item] of list.entries())",
  zip: "write a.map((item, i) => [item, b[i]])",
  None: "write null, or leave the argument out",
  True: "write true",
  False: "write false",
  not: "write !condition; on tensors x.logical_not()",
  ...same("int float str bool", 'numbers are one type here; a tensor is converted by x.to("f32")'),
  ...same(
    "isinstance type",
    "a value has one type; branch on an option that you pass instead: if (options.kind === …)",
  ),
  ...same(
    "abs pow round sum max min sqrt exp log",
    "numbers have Math.{name}(…), tensors methods: docs/ops.md lists them",
  ),
  math: "numbers have Math.sqrt(…), tensors methods: x.sqrt()",
  self: "a module's function gets its children first: module({ fc: linear(8, 5) }, ({ fc }, x: Features) => fc(x))",
  ...same(
    "optimizer optim opt scheduler",
    "leave it out: the update follows the loss by itself; experiment({ optimizer, lr }) says how",
  ),
  ...same("criterion loss_fn", "write ops.cross_entropy(logits, labels).mean()"),
  ...same("device DEVICE", ONE_DEVICE),
  ...same("model", "the nets are fields of the step's first parameter: step({ net }, { x }, plan)"),
  ...same("f32 f16 bf16 f64 i32 i64 u8", 'types of elements are written as texts: "{name}"'),
  tqdm: "leave it out: a run shows its progress",
};

/** Options by the names that they have in other libraries. */
const OPTION: Hints = {
  ...same("learningRate learning_rate", "it is called `lr`, and is a number or a function of the step"),
  ...same(
    "batchSize batch_size batch",
    "how many images a step has is the loader's: dual({ identities: 32, instances: 32 })",
  ),
  ...same("kernel_size kernelSize", "it is called `kernel`"),
  ...same("weight_decay", "it is called `weightDecay`"),
  ...same("num_epochs max_epochs maxEpochs", "it is called `epochs`"),
  ...same(
    "net model",
    "nets are the method's: method: f2c({ net, … }), or method({ net }, { plan, step, embed })",
  ),
  ...same("loss criterion", "the loss is the method's: its step returns it"),
  ...same("dataset train trainData", "it is called `data`"),
};
export const insteadOfOption = (name: string): string | undefined => own(OPTION, name);

/** A field or a call, as it is written. */
export interface Written {
  /** What stands before the dot. */
  readonly x?: string | undefined;
  readonly args?: readonly string[] | undefined;
}

function filled(hint: string, { x = "x", args = [] }: Written, name = ""): string {
  const list = args.length === 1 && args[0]!.startsWith("[") ? args[0]! : `[${args.join(", ") || "…"}]`;
  const parts: Hints = {
    x,
    list,
    name,
    args: args.join(", "),
    first: args[0] ?? "x",
    rest: args.slice(1).join(", "),
  };
  return hint.replace(/\{(x|args|list|first|rest|name)\}/g, (_, part: string) => parts[part]!);
}

const snake = (name: string) => name.replaceAll(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
const own = (hints: Hints, name: string) => (Object.hasOwn(hints, name) ? hints[name] : undefined);

/** What to write instead of a member that tensors do not have. */
export function insteadOfTensorMember(name: string, written: Written): string | undefined {
  const known = own(TENSOR, name);
  if (known !== undefined) return filled(known, written);
  if (OPS.get(snake(name))?.method)
    return `did you mean .${snake(name)}(${(written.args ?? []).join(", ")})?`;
  const plain = /^([a-z]\w*[a-z0-9])_$/.exec(name)?.[1];
  if (plain === undefined) return undefined;
  const instead = OPS.get(plain)?.method ? filled(`write {x}.${plain}({args})`, written) : "make a new value";
  return `${instead} and use what it gives: only stored tensors change in place, by copy_, add_, mul_, lerp_ and index_copy_`;
}

export function insteadOfModuleMember(name: string, written: Written): string | undefined {
  const known = own(MODULE, name);
  return known === undefined
    ? "a module is called like a function, {x}(…); what it holds only its own forward sees".replace(
        "{x}",
        written.x ?? "net",
      )
    : filled(known, written);
}

export const insteadOfGroupMember = (name: string, written: Written): string =>
  filled(own(GROUP, name) ?? LOOP_OVER_GROUP, written);

/** The layer, or other function of the library, whose name differs only in upper and lower case. */
const ofLibrary = (name: string): string | undefined =>
  Object.keys(library).find((key) => key.toLowerCase() === name.toLowerCase().replaceAll("_", ""));

/** What to write instead of `torch.name(…)`, `F.name(…)`, `nn.Name(…)`, or of an op that does not exist. */
export function insteadOfFunction(name: string, written: Written): string | undefined {
  const op = OPS.get(name) ?? OPS.get(snake(name));
  if (op?.signature)
    return filled(
      op.method && written.args?.length ? `write {first}.${op.name}({rest})` : `write ops.${op.name}({args})`,
      written,
    );
  const known = own(FUNCTION, name);
  if (known !== undefined) return filled(known, written);
  const layer = ofLibrary(name);
  if (layer !== undefined) return `write ${layer}(…), of f2c-dsl`;
  const [first, ...rest] = written.args ?? [];
  const member = own(TENSOR, name);
  return member === undefined ? undefined : filled(member, { x: first, args: rest });
}

/** What to write instead of an unknown name; `member` is the member of it that is used. */
export function insteadOfName(name: string, member?: string, written: Written = {}): string | undefined {
  const asked = member !== undefined && ["torch", "F", "nn", "np", "numpy"].includes(name);
  const instead = asked ? insteadOfFunction(member, written) : undefined;
  const known = instead ?? own(NAME, name);
  if (known !== undefined) return filled(known, written, name);
  if (Object.hasOwn(library, name)) return `import { ${name} } from "f2c-dsl"`;
  const layer = ofLibrary(name);
  if (layer !== undefined) return `did you mean ${layer}, of f2c-dsl?`;
  return OPS.get(name)?.signature === undefined ? undefined : `it is an op: ops.${name}(…)`;
}

/** Lines of Python, which TypeScript does not parse: how they look, and what is written instead. */
const LINES: readonly (readonly [RegExp, string])[] = [
  [/^\s*with\b.*no_grad/, "write noGrad(() => …), of f2c-dsl"],
  [
    /^\s*with\b/,
    'there is no `with`: noGrad(() => …) records no gradient, experiment({ precision: "bf16" }) sets the precision',
  ],
  [/^\s*(async\s+)?def\b|\blambda\b/, "a function is written (x: Features) => x.relu()"],
  [/\belif\b/, "write else if (…) { … }"],
  [
    /^\s*(if|for|while|else|try)\b.*:\s*$/,
    "blocks stand in braces, conditions in parentheses: if (…) { … }, for (const item of list) { … }",
  ],
  [/^\s*for\s+\w+\s+in\b/, "write for (const item of list) { … }"],
  [/\S\s+if\s+.+\s+else\s+\S/, "write condition ? a : b"],
  [/\w\s*@=?\s*\w/, "a matrix product is a method: a.matmul(b)"],
  [/\w\[[^\]]*(:|\.\.\.)[^\]]*\]/, "x[a:b] is x.slice(0, a, b), x[:, i] is x.select(1, i)"],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is shown
  [/\b[fr]["']/, "a text with values in it is written `${value}`, in backticks"],
  [/^\s*#(?!!)/, "a comment begins with //"],
  [/\s(and|or)\s|\bnot\s/, "write &&, || and !"],
  [/\bis\s+(not\s+)?\w/, "write === or !=="],
  [
    /^\s*(import\s+[\w.]+(\s+as\s+\w+)?|from\s+[\w.]+\s+import\b.*)\s*$/,
    'write import { ops } from "f2c-dsl"',
  ],
  [/^\s*(pass|del\b.*)$/, "leave it out"],
];

/** What to write instead of a line that does not parse. Comments and strings are ignored. */
export function insteadOfLine(line: string): string | undefined {
  const code = line
    .replaceAll(/"[^"]*"|'[^']*'/g, (text) => text[0]! + text[0]!)
    .replace(/\/\/.*$/, "")
    .replace(/;?\s*$/, "");
  return LINES.find(([pattern]) => pattern.test(code))?.[1];
}

/** Python packages that people try to import in Node. */
export const PYTHON_PACKAGES = new Set([
  "torch",
  "torchvision",
  "numpy",
  "tensorflow",
  "jax",
  "timm",
  "lightning",
  "PIL",
  "cv2",
]);
