/**
 * @file What a program must hold: the numbered constraints. Two verifiers check them, the compiler's and the host's, each by its
 * own code, since trust ends at the wire; both read from here, and from the ops' entries, what there is to check.
 */
export const CONSTRAINTS = {
  V1: "names of storages, of groups and of functions are unique, and those of a function's inputs and of its results; the storage fits into memory (2^40 elements)",
  V2: "every storage and group that is named exists and has the type that is said; a group has distinct members, and what is taken out of lists is in them; a copy starts from a storage that is drawn, and what is drawn by its fans has some",
  V3: "every value is defined once, before its uses, in its region or one around it",
  V4: "every op is in the registry, with the operands, attributes and result kinds that it says",
  V5: "a region ends with `yield`, a function with `return`, and neither stands elsewhere",
  V6: "what an op writes, statistics on the side too, comes straight from an op that names storage",
  V7: "every place is in a source; each source has a path of its own",
  V8: "regions have the arguments and yields that their op asks for",
  V9: "a function returns what it declares, tensors only",
  V10: "parameters are floating point; derivatives are taken at the top level or in a branch there, by a group of trained parameters: of a loss of shape [], or of outputs with a cotangent of the same type each, by leaves too; or, before those, of a loss of shape [] by tracked values",
  V11: "the types of results are those that follow from operands and attributes: by the registry's rules in the compiler, by torch's own in the host",
  V12: "only a parameter is frozen, or moved by rows; a slot is the optimizer's, of a trained parameter of the same shape, or of one by rows a number a row; rows lie in scratch, and are of a parameter by rows, or of a slot of one; a twin's storage is a state, of the type of the original's, which is no twin",
} as const;

export type Constraint = keyof typeof CONSTRAINTS;
