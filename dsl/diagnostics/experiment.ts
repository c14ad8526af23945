/** @file What a person does wrong with the DSL, found by the DSL itself while the experiment is built and planned. */
import type { Catalogue } from "./entry.js";

export const EXPERIMENT = {
  "groups-do-not-divide": {
    code: "F2C2014",
    severity: "error",
    message: "conv2d: {channels:number} {which} do not divide into {groups:number} `groups`",
    hint: "give a whole number that divides inputs and outputs; `groups` equal to inputs makes it depthwise",
    cases: {
      "of-a-size": {
        message:
          "variableGroupConv: {channels:number} inputs do not divide into groups of {size:number} channels",
        hint: "give a `groupSize` that divides the inputs",
      },
      heads: {
        message: "attention: {channels:number} channels do not divide into {heads:number} heads",
        hint: "give a whole number of heads that divides the channels",
      },
    },
    why: "Each group has an equal share of the input channels, and makes an equal share of the output channels.",
  },
  "compiled-function-called-early": {
    code: "F2C2101",
    severity: "error",
    message: "{what} was called while the experiment was being built",
    hint: "call it inside a compiled function: another module's forward, or a method's step",
    cases: {
      op: {
        message: "{op}() was called while the experiment was being built",
        hint: "call {op}() inside a compiled function (a module's forward, a method's step, a margin), not outside of it",
      },
    },
    why: "Ops and modules work on tensors, and there are none before the program runs.",
  },
  "bad-parameter-shape": {
    code: "F2C2102",
    severity: "error",
    message: "a {role} of shape [{shape}] has a size of {size:number}",
    hint: "sizes are whole numbers from 1 up",
    why: "The shapes of parameters and state are fixed when the experiment is built.",
  },
  "bad-schedule": {
    code: "F2C2103",
    severity: "error",
    message: "multistep: the `epochs` [{epochs}] are not in rising order",
    hint: "write epochs: [{sorted}]",
    why: "Each epoch in the list is one more reduction of the learning rate.",
  },
  "bad-experiment": {
    code: "F2C2104",
    severity: "error",
    cases: {
      name: {
        message: 'experiment "{name}": the name is not usable as a folder',
        hint: "letters, digits, - _ and . only",
      },
      "no-length": {
        message: 'experiment "{name}": how long it trains is missing',
        hint: "give `epochs` or `steps`",
      },
      "two-lengths": {
        message:
          'experiment "{name}": both `epochs` ({epochs:number}) and `steps` ({steps:number}) are given',
        hint: "keep one of them",
      },
      "no-protocol": {
        message: 'experiment "{name}": `evaluate.{evaluation}` is no protocol',
        hint: "give verification(…), identification(…) or protocol(…)",
      },
      "evaluation-name": {
        message: 'experiment "{name}": `evaluate` has the name "{evaluation}"',
        hint: "begin with a letter; then letters, digits, - and _",
      },
      length: {
        message: 'experiment "{name}": a length of {length:number}',
        hint: "give a number above 0; steps are whole",
      },
      lr: {
        message: 'experiment "{name}": `lr` is {lr:number}',
        hint: "a learning rate is a finite number from 0 up",
      },
      accumulate: {
        message: 'experiment "{name}": accumulate {accumulate:number}',
        hint: "give the number of steps an update, a whole number from 1 up",
      },
      observe: {
        message: 'experiment "{name}": `observe` has {tool} twice',
        hint: "keep one of them",
      },
      seed: {
        message: 'experiment "{name}": seed {seed:number}',
        hint: "give a whole number from 0 to 4294967295",
      },
    },
    why: "An option of experiment(…) is missing, contradicts another, or is out of its range.",
  },
  "bad-option": {
    code: "F2C2126",
    severity: "error",
    message: "the experiment's option `{option}` is {value}: not a finite number, a boolean or a text",
    hint: "give a default that can be written on a command line, and work out the rest from it in the function",
    cases: {
      name: {
        message: "the experiment's option `{option}` has a name that --set cannot take",
        hint: "letters, digits and _ only, and no digit first",
      },
    },
    why: "An experiment may be a function of options: experiment({ lr: 0.05 }, (o) => ({ … })). Their defaults say of which types they are.",
  },
  "no-interval": {
    code: "F2C2112",
    severity: "error",
    cases: {
      epochs: {
        message: "every epochs({count:number}) is no interval: it would never come, or hardly ever",
        hint: "give a number above 0, such as epochs(1)",
      },
      steps: {
        message: "every steps({count:number}) is no interval: it would never come, or hardly ever",
        hint: "give a whole number from 1 up, such as steps(500)",
      },
    },
    why: "Checkpoints and evaluations come at whole steps. One that never comes is found missing when it is needed.",
    remedy: "Give a whole number of steps from 1 up, or a number of epochs above 0.",
  },
  "number-out-of-range": {
    code: "F2C2113",
    severity: "error",
    message: "{function}: `{option}` is {value:number}, not {wanted}",
    hint: "give {wanted}",
    why: "Such a value trains without a word and comes to nothing, or diverges at the first step.",
    remedy: "Give a value in the range that the message names.",
  },
  "bad-groups": {
    code: "F2C2114",
    severity: "error",
    message: "groups([]): a list without a group trains nothing",
    hint: 'give groups([{ of: "head.*", by: sgd() }, { by: sgd() }]), or one optimizer alone',
    cases: {
      name: {
        message: 'groups: the `name` "{name}" cannot be that of a number in the log',
        hint: "letters, digits and _ only",
      },
      twice: {
        message: "groups: two groups are called `{name}`",
        hint: "give one of them a `name` of its own",
      },
      by: {
        message: "groups: `by` of the group `{name}` is no optimizer",
        hint: "give sgd(…), adamw(…), lars(…) or optimizer(…)",
      },
      lr: {
        message: "groups: `lr` of the group `{name}` is {lr:number}",
        hint: "give a factor of the experiment's learning rate, from 0 up, or a policy",
      },
      from: {
        message: "groups: `from` of the group `{name}` is no beginning",
        hint: "give { epoch: 2 } or { step: 500 }, a number from 0 up, steps whole",
      },
    },
    why: "Each group of the optimizer has an optimizer, and a name under which its learning rate is logged.",
  },
  "slot-name-taken": {
    code: "F2C2123",
    severity: "error",
    message:
      "the optimizer's slot `{slot}` has a name that is taken: its update has a group `{slot}` already",
    hint: "call it something else",
    why: "An optimizer's update gets the parameters, their gradients and its slots in one record.",
  },
  "bad-queue-size": {
    code: "F2C2141",
    severity: "error",
    message: "fifoQueue: a queue of {size:number} is not filled evenly by {rows:number} keys a step",
    hint: "take a multiple of {rows}",
    why: "Each step's keys take the places of the oldest, all of one step at once.",
  },
  "too-few-columns": {
    code: "F2C2142",
    severity: "error",
    message: "virtual: {columns:number} columns are too few for the {identities:number} identities of a step",
    hint: "raise `columns` to the most identities that a step may bring",
    why: "Every identity of a step has a column of its own in it.",
  },
  "margin-has-rule": {
    code: "F2C2140",
    severity: "error",
    message: "withoutConflicts: `{kind}` changes hard negatives already, and a margin has one rule for them",
    hint: "give it a margin of the own cosine alone, such as cosFace or arcFace",
    why: "Negatives above a bound are changed by one rule; two would have to say which comes first.",
  },
  "too-many-images": {
    code: "F2C2201",
    severity: "error",
    message: "the data source has more than 2^31 images",
    hint: "lower `identities`, or the images of each",
    why: "Plans carry image indices of 32 bits.",
  },
  "bad-data-option": {
    code: "F2C2202",
    severity: "error",
    message: "{function}: `{option}` is {value}, not {wanted}",
    cases: {
      order: {
        message: "the number of things to order is {size:number}",
        hint: "give a whole number from 1 to 2^31",
      },
      count: { message: "{what} is {count:number}, not a whole number from 1 up" },
      spread: {
        message: "spread: the largest number of images is {high:number}, below the smallest, {low:number}",
        hint: "give the smaller number first",
      },
      zipf: {
        message: "zipf: the `mean` {mean:number} is below the `min` {min:number}",
        hint: "raise the mean, or lower `min`",
      },
      "held-out": {
        message:
          "{function}: `heldOut` is {heldOut:number}, neither a whole number of identities nor a share of them below 1",
        hint: "give how many, such as 10; a share, such as 0.2; or the identities' names",
      },
      root: {
        message: "imageFolder: `root` is {root}, not the path of a folder",
        hint: "give the folder that holds one folder per identity; if an environment variable names it, set that",
      },
    },
    why: "An option of the data source or of its distribution is out of its range.",
    remedy: "Give a value within the bounds that the message names.",
  },
  "held-out-identity-missing": {
    code: "F2C2203",
    severity: "error",
    message: '{function}: `heldOut` names "{identity}", but "{place}" has no such identity',
    hint: "name identities that there are: {examples}",
    why: "Identities are named by their folders or labels; a typing error would train on held-out people.",
  },
  "too-few-identities": {
    code: "F2C2204",
    severity: "error",
    message:
      '{function}: "{place}" has {people:number} identities and `heldOut` takes {taken:number}, which leaves {left:number} to train on',
    hint: "a classifier needs at least two; hold out fewer, or add identities",
    why: "With one identity every answer is right.",
  },
  "data-folder-missing": {
    code: "F2C2205",
    severity: "error",
    message: 'imageFolder: there is no folder "{folder}", its `root`',
    hint: "give the folder that holds one folder per identity; a relative path counts from the experiment's file",
    why: "The data set is not where the experiment says.",
  },
  "data-folder-without-identities": {
    code: "F2C2206",
    severity: "error",
    message: 'imageFolder: its `root`, "{folder}", holds no folders{also}',
    hint: "put each identity's images into a folder of its own",
    cases: {
      loose: {
        hint: "put each identity's images into a folder of its own; flatFolder(…) reads them as they lie where their names say whose they are; or is this one identity's folder, and the one above it the `root`?",
      },
    },
    why: "A folder is an identity; images that lie loose belong to nobody.",
  },
  "identity-without-images": {
    code: "F2C2207",
    severity: "error",
    message: 'imageFolder: none of the folders of its `root`, "{folder}", has images{also}',
    hint: "images are files that end in {types}; convert what is of another kind",
    why: "An identity that is drawn for a batch must have an image to show. A folder without images is passed over, as long as others have some.",
  },
  "bad-loader": {
    code: "F2C2208",
    severity: "error",
    message: "{part}: `{option}` is {value:number}",
    hint: "give {wanted}",
    cases: {
      odd: {
        message: "dual: `instances` is {instances:number}, which is odd",
        hint: "each stream gets half of the instances: make it even",
      },
      "no-images": {
        message: "dual: both `identities` and `instances` are 0",
        hint: "a step needs images: give either a number",
      },
    },
    why: "A sampler gives each step whole numbers of images, and an augmentation changes each within a bound.",
    remedy:
      "Give whole numbers of images, an even number of instances to `dual`, not both 0; sizes in pixels, angles in degrees, probabilities and shares from 0 to 1.",
  },
  "bad-augmentation-name": {
    code: "F2C2220",
    severity: "error",
    message: "an augmentation is called `{name}`, which cannot be part of an input's name",
    hint: "letters, digits and _ only, a letter first",
    why: "What an augmentation draws are inputs of the step, named after the stream and the augmentation: `x.flip`.",
  },
  "too-few-identities-for-loader": {
    code: "F2C2209",
    severity: "error",
    message:
      "{sampler}: `identities` is {asked:number}, but the data source has {found:number}: those of one step differ from each other",
    hint: "lower `identities`, or add data",
    why: "The identities of one step are different from each other.",
  },
  "images-one-folder-deeper": {
    code: "F2C2210",
    severity: "error",
    message:
      'imageFolder: {deeper:number} of the folders of its `root`, "{folder}", have no images themselves, but folders with images, such as {example}',
    hint: 'if all that lies below "{identity}" is one identity\'s, say `subfolders: true`; if each folder below is an identity, the `root` is {suggested}',
    why: "A folder is an identity; whether the folders in it are clips of one person or persons, only you know.",
  },
  "identities-deeper": {
    code: "F2C2211",
    severity: "error",
    message:
      'imageFolder: the identities lie deeper than its `root`, "{folder}": it holds {names}, and below them {example}',
    hint: "name the folder that holds one folder per identity: {suggested}",
    why: "A folder is an identity: the parts of a data set, such as train and val, would each become one person.",
  },
  "data-folder-unreadable": {
    code: "F2C2213",
    severity: "error",
    message: 'imageFolder: its `root`, "{folder}", cannot be read: {why}',
    hint: "make it readable, or name another folder",
    cases: {
      "no-folder": { message: 'imageFolder: its `root`, "{folder}", cannot be read: it is no folder' },
      below: { message: 'imageFolder: its `root`, "{folder}", cannot be read: {why} ({below})' },
    },
    why: "What lies in the folder cannot be listed.",
  },
  "leave-out-unreadable": {
    code: "F2C2214",
    severity: "error",
    message: '{function}: the file "{path}", its `leaveOut`, cannot be read: {error}',
    hint: "give the path of a text file, counted from the experiment's file; f2c-dsl data check exp.ts --leave-out FILE writes one",
    cases: {
      "held-out": {
        message: '{function}: the file "{path}", its `heldOut`, cannot be read: {error}',
        hint: "give the path of a text file with a name a line, counted from the experiment's file; or the names themselves, as a list",
      },
    },
    why: "Without the list the run would train on what is to be left out or kept back.",
  },
  "data-file-missing": {
    code: "F2C2146",
    severity: "error",
    message: '{function}: `{option}` is "{path}", and there is no such file',
    hint: "give the path of the file; a relative one counts from the experiment's file",
    cases: {
      pattern: {
        message: '{function}: `{option}` is "{path}", and no file has a name like that',
        hint: "`*` stands for any part of a name; a relative path counts from the experiment's file",
      },
      folder: {
        message: '{function}: `{option}` is "{path}", a folder without {wanted}',
        hint: "give the path of the file itself",
      },
      root: {
        message: '{function}: `{option}` is "{path}", and there is no such folder',
        hint: "give the path of the folder; a relative one counts from the experiment's file",
      },
    },
    why: "The data set is not where the experiment says.",
  },
  "bad-relabel": {
    code: "F2C2158",
    severity: "error",
    message: "relabel: `{old}` is to be called {name}, which is no name",
    hint: 'give each its new name: { "ann lee": "ann" }',
    cases: {
      unreadable: {
        message: "relabel: the file {path} cannot be read: {error}",
        hint: "give the path of a text file with `old new` a line, counted from the experiment's file",
      },
      line: {
        message: "relabel: line {line:number} of {path} is not `old new`",
        hint: "put the two names there, with a tab between them where they have blanks",
      },
      twice: {
        message: "relabel: line {line:number} of {path} gives `{old}` another name than a line before",
        hint: "keep one of the two",
      },
      unknown: {
        message: "relabel: there is nobody called `{old}`",
        hint: "name people that there are, such as {known}",
      },
      "both-sides": {
        message: "relabel: `{name}` would be trained on and held out",
        hint: "hold out all of the people that become one, or none of them",
      },
      "no-names": {
        message: "relabel: the people of this source have no names",
        hint: "relabel a source whose images lie in files",
      },
    },
    why: "A person is trained on or kept back, whatever names the person had; a name that is misspelled would leave two people where there is one.",
  },
  "data-of-other-kind": {
    code: "F2C2147",
    severity: "error",
    message: "{function}: {path} is {what}, not {wanted}",
    hint: "{reader}",
    why: "Each source reads one kind of file; what a file is, its first bytes say.",
  },
  "data-needs-host": {
    code: "F2C2148",
    severity: "error",
    message: "{function}: {path} has no index yet, and nothing here can make one",
    hint: "open the experiment with the command f2c-dsl, which asks the host",
    why: "Files of many images are read once into an index, by the host.",
  },
  "data-path": {
    code: "F2C2157",
    severity: "error",
    cases: {
      missing: {
        message: "there is nothing at {path}",
        hint: "give an experiment, whose name ends in .ts, or the path of files of images",
      },
      unknown: {
        message: "{path} is of no kind that a source of images reads",
        hint: "sources read folders of images, lists of them, RecordIO, LMDB, tar, Parquet, NumPy's files and verification sets (.bin)",
      },
      option: {
        message: "{path} is {what}, and nothing beside it tells the `{option}` that {function} needs",
        hint: "give it: --set {option}=…",
      },
    },
    why: "`f2c-dsl data` looks at an experiment's data or at files of images, whose kind their first bytes tell.",
    remedy: "Give the path of such files, and what cannot be told from them with --set.",
  },
  "lists-without-root": {
    code: "F2C2156",
    severity: "error",
    message:
      "imageList: the lists lie in several folders ({folders}), and `root` does not say where their paths begin",
    hint: "give `root`, the folder below which the images of all lists lie",
    why: "Paths in a list begin at the list's own folder unless told; those of several lists begin at one.",
  },
  "pool-smaller-than-batch": {
    code: "F2C2301",
    severity: "error",
    message:
      "the class pool has a `capacity` of {slots:number}, but this step brings {identities:number} identities: some would be evicted inside their own batch",
    hint: "raise the pool's `capacity` to the most that a step may bring, the loader's `identities` + `instances`, or lower these",
    why: "An identity that is evicted before the loss is taken would turn from a positive into a negative.",
  },
  "bad-pool-capacity": {
    code: "F2C2302",
    severity: "error",
    message: "a class pool's `capacity` cannot be {capacity:number}",
    hint: "give a share of the identities, below 1, or a whole number of slots",
    why: "A capacity below 1 is a share of the identities, one from 1 up a number of slots.",
  },
  "pool-capacity-changed": {
    code: "F2C2303",
    severity: "error",
    message: "the class pool has {slots:number} slots, that of the checkpoint had {before:number}",
    hint: "resume with the capacity that the run was started with",
    why: "Slots, their owners and their order of use are part of a checkpoint; they fit one capacity only.",
  },
  "pool-book-damaged": {
    code: "F2C2304",
    severity: "error",
    hint: "resume from the checkpoint before it, or start the run anew",
    cases: {
      kind: {
        message:
          "the book of the class pool is damaged in the checkpoint: `{field}` is {found}, not {wanted}",
      },
      row: {
        message:
          "the book of the class pool is damaged in the checkpoint: `rows` has a {row:number} for slot {slot:number}, and a row is 0 or 1",
      },
      order: {
        message:
          "the book of the class pool is damaged in the checkpoint: `order` names slot {slot:number}, and 0 to {last:number} are in use",
      },
      "slot-twice": {
        message:
          "the book of the class pool is damaged in the checkpoint: `order` names slot {slot:number} twice",
      },
      used: {
        message:
          "the book of the class pool is damaged in the checkpoint: slot {slot:number} is in use, and its owner is {owner:number}",
      },
      free: {
        message:
          "the book of the class pool is damaged in the checkpoint: slot {slot:number} is free, and its owner is {owner:number}",
      },
      "owner-twice": {
        message:
          "the book of the class pool is damaged in the checkpoint: identity {identity:number} sits in two slots",
      },
    },
    why: "Which identity sits in which slot, and who leaves next, is read back from a checkpoint; followed blindly, damage there hangs or trains quietly wrong.",
  },
  "too-few-held-out-people": {
    code: "F2C2501",
    severity: "error",
    message: "verification needs two held-out people, the data source has {people:number}",
    hint: "hold out two people or more: `heldOut` of the data source",
    why: "Verification compares people that were not trained on, with themselves and with each other.",
  },
  "too-few-whole-pairs": {
    code: "F2C2505",
    severity: "error",
    message:
      "without their broken images the held-out people make {genuine:number} pairs of the same person and {impostor:number} of two, and {folds:number} folds need at least {least:number} of each",
    hint: "f2c-dsl data check lists what is broken; mend it, hold out more people, or ask for more pairs",
    why: "A pair with a broken image says nothing, and of too few no accuracy can be told.",
  },
  "too-few-pairs-for-folds": {
    code: "F2C2502",
    severity: "error",
    message:
      "the held-out people make {pairs:number} pairs of the same person, and {folds:number} folds need at least {folds:number}",
    hint: "hold out more people, or more images of each",
    why: "Each fold needs a pair of the same person.",
  },
  "too-few-pairs": {
    code: "F2C2503",
    severity: "error",
    message: "{asked:number} {kind} pairs are asked for, the held-out people make {found:number}",
    hint: "ask for fewer, or hold out more",
    why: "A pair is taken once: repeating pairs would make an accuracy look more certain than it is.",
  },
  "bad-identification": {
    code: "F2C2506",
    severity: "error",
    cases: {
      whole: {
        message: "identification: `{option}` is {value:number}",
        hint: "give a whole number from 1 up",
      },
      ranks: { message: "identification: `ranks` is empty", hint: "give a rank or more: [1, 5]" },
      unknown: {
        message: "identification: `unknown` is {value:number}",
        hint: "give a whole number of people, or a share of them below 1",
      },
      rate: {
        message: "identification: `fpir` has a rate of {rate:number}",
        hint: "a rate is above 0 and at most 1: 1e-2",
      },
      "no-unknown": {
        message: "identification: `unknown` is 0, and `fpir` is given",
        hint: "a false positive identification rate is of people who are not enrolled: let some stay unknown, or leave `fpir` out",
      },
    },
    why: "Images and ranks are counted, people who stay unknown are counted or a share, and rates are shares of their searches.",
  },
  "too-few-searches": {
    code: "F2C2507",
    severity: "error",
    message:
      "identification of {people:number} people, {counted}: {unknown:number} stay unknown, with {nonMated:number} images; {enrolled:number} are enrolled, with {mated:number} images to search for",
    hint: "it needs two enrolled people, an image more of one of them, and an image of an unknown person unless `unknown` is 0: hold out more people or images, or lower `gallery` or `unknown`",
    why: "A single enrolled person is always the nearest, and without searches there is no rate.",
  },
  "bad-clustering": {
    code: "F2C2510",
    severity: "error",
    cases: {
      lengths: {
        message: "{truth:number} things have a class, and {found:number} a cluster",
        hint: "give both of the same things, at least one, in the same order",
      },
      number: {
        message: "a class or a cluster has the number {number:number}",
        hint: "number them by whole numbers from {least:number} to below {beyond:number}",
      },
    },
    why: "A thing agrees with what was found by its class and its cluster.",
  },
  "bad-verification": {
    code: "F2C2504",
    severity: "error",
    cases: {
      pairs: {
        message: "verification: `pairs.{kind}` is {count:number}",
        hint: "give a whole number of pairs; 0 is as many as there are by default",
      },
      rate: {
        message: "verification: `far` has a rate of {rate:number}",
        hint: "a rate is above 0 and at most 1: 1e-3",
      },
      folds: {
        message:
          "verification: {asked:number} {kind} pairs are fewer than the {folds:number} folds, each of which needs one",
        hint: "ask for more pairs, or hold out more people and images",
      },
    },
    why: "Pairs are counted, each fold of the accuracy needs one of either kind, and rates are shares of them.",
    remedy:
      "Give whole numbers of pairs, at least as many as there are folds, and false accept rates above 0 and at most 1.",
  },
  "list-unreadable": {
    code: "F2C2511",
    severity: "error",
    message: "the list {file} cannot be read: {error} ({path})",
    hint: "give the path of a text file, from the experiment's folder",
    why: "A protocol of listed images begins with its list.",
  },
  "bad-list-line": {
    code: "F2C2512",
    severity: "error",
    cases: {
      none: { message: "{file} lists nothing", hint: "is it the right file, and whole?" },
      long: {
        message: "{file}, line {line:number}, is longer than 1 MB",
        hint: "a list is text, a line an entry: is it another file?",
      },
      columns: {
        message: "the number of columns in line {line:number} of {file} is {found:number}",
        hint: "a line is {wanted}; where names hold blanks, put tabs between the columns. A last line that is cut says that the file is",
      },
      number: {
        message: '{file}, line {line:number}: {what} is "{found}"',
        hint: "give a whole number from {least:number} up",
      },
      label: {
        message: '{file}, line {line:number}: whether two images are of one person is "{found}"',
        hint: "1 is one person, 0 are two",
      },
    },
    why: "A line that is passed over would give a number that is not the list's.",
  },
  "pairs-txt": {
    code: "F2C2513",
    severity: "error",
    cases: {
      count: {
        message:
          "{file}: by its first line there are {folds:number} folds of {each:number} genuine and {each:number} impostor pairs, which makes {expected:number} lines; there are {found:number}",
        hint: "the file is cut, or its first line is of another: get it again",
      },
      "impostor-early": {
        message:
          "{file}, line {line:number}, is an impostor pair; by the first line ({folds:number} folds, {each:number}) it should be one of the {each:number} genuine pairs of its fold",
        hint: "a genuine pair is `name i j`: a line is missing before it, or the first line counts wrong",
      },
      "genuine-late": {
        message:
          "{file}, line {line:number}, is a genuine pair; by the first line ({folds:number} folds, {each:number}) it should be one of the {each:number} impostor pairs of its fold",
        hint: "an impostor pair is `name i name j`: there is a line too many before it, or the first line counts wrong",
      },
    },
    why: "In LFW's lists each fold has as many genuine pairs as the first line says, and then as many impostor pairs.",
  },
  "listed-image": {
    code: "F2C2514",
    severity: "error",
    cases: {
      missing: {
        message:
          "{file}, line {line:number}: there is no image {name} among the {images:number} of its data ({missing:number} of the list are missing)",
        hint: "names are paths below the root of the data, such as {example}, or the ends of such paths: is the root the right one, are all images there, is the list this set's?",
      },
      "of-none": {
        message: "{file}, line {line:number}: there is no image {name}, for its data has no images",
        hint: "give the set of the list as `data`: where that is left out, images are those of the people whom the experiment holds out, and there are none",
      },
      two: {
        message: "{file}, line {line:number}: the image {name} is both {one} and {other}",
        hint: "write more of its path in the list, or let the root of the data be the folder of one of the two",
      },
    },
    why: "A protocol without some of its images is another protocol, and its numbers are not those of the field.",
  },
  "images-without-names": {
    code: "F2C2515",
    severity: "error",
    message: "{file} names images, and those of its data have no names",
    hint: "give a source of files as `data`, such as imageFolder",
    why: "Listed images are found by their names.",
  },
  "bad-listed-pairs": {
    code: "F2C2516",
    severity: "error",
    cases: {
      list: {
        message: "listedPairs: `list` is no path",
        hint: 'give a path, from the experiment\'s folder: "lfw/pairs.txt"',
      },
      folds: { message: "listedPairs: `folds` is {value:number}", hint: "give a whole number from 2 up" },
      none: {
        message: "listedPairs: there is no `list`, and its data lists no pairs",
        hint: 'give a `list`, or `data` that lists pairs: binSet({ path: "lfw.bin", … })',
      },
    },
    why: "What is compared is listed in a file, or by the source of the images.",
  },
  "bad-rates": {
    code: "F2C2517",
    severity: "error",
    cases: {
      none: { message: "{of}: `far` is empty", hint: "give a false accept rate or more: [1e-4]" },
      rate: {
        message: "{of}: a false accept rate is {rate:number}",
        hint: "a rate is above 0 and at most 1: 1e-3",
      },
      at: { message: '{of}: `farAt` is "{value}"', hint: '"nearest", "interpolated" or "at-most"' },
      intermediate: {
        message: '{of}: `dropIntermediate` is given, and `farAt` is "{at}"',
        hint: 'leave it out: only "nearest" tells the difference',
      },
    },
    why: "Which point of a ROC is at a rate differs within the field, and so do the numbers.",
  },
  "too-few-listed-pairs": {
    code: "F2C2518",
    severity: "error",
    message:
      "{list}{which} lists {genuine:number} genuine and {impostor:number} impostor pairs, in {folds:number} folds",
    hint: "there must be some of each kind, and a pair in every fold: give fewer `folds`, or mend the images",
    cases: {
      templates: {
        message:
          "{list} lists {genuine:number} genuine and {impostor:number} impostor pairs of templates with images",
        hint: "there must be some of each kind: is the list whole, and can the images be decoded?",
      },
    },
    why: "Rates are shares of the pairs of each kind, and the threshold of a fold is that of the others.",
  },
  "ijb-lists": {
    code: "F2C2519",
    severity: "error",
    cases: {
      "no-file": {
        message: "there is no file in {folder} whose name ends with {ends}",
        hint: "`meta` is the folder of the set's lists, as insightface hands them out: IJBC/meta",
      },
      "two-files": {
        message: "both {one} and {other} end with {ends}",
        hint: "let each set have a folder of its own",
      },
      "no-images": {
        message: "{file}, line {line:number}: template {template:number} has no image in {of}",
        hint: "are the two lists of one set, and is {of} whole?",
      },
      score: {
        message: '{file}, line {line:number}: the score of the detector is "{found}"',
        hint: "give a number from 0 up, in the last column",
      },
      "no-score": {
        message: "{of}, line {line:number}: {name} has no score in {file}",
        hint: "are the two lists of one set, and is {file} whole? `detectorScore: false` does without",
      },
      header: {
        message:
          "{file}, line {line:number}, names neither TEMPLATE_ID nor SUBJECT_ID, and begins with no number",
        hint: "give a header that names the two, or none: then they are the first two columns",
      },
      "two-subjects": {
        message:
          "{file}, line {line:number}: template {template:number} shows subject {subject:number}, and in a line before {before:number}",
        hint: "a template shows one person: is the list damaged?",
      },
      cut: {
        message: "{file} lists {found:number} {what}, and {set} has {expected:number}",
        hint: "the list is cut: get it again. Lists of one's own begin otherwise than those of the set: mine_template_pair_label.txt",
      },
      few: {
        message: "{file} enrols {enrolled:number} subjects, of whom there are {mated:number} probes{which}",
        hint: "it takes two who are enrolled, and a probe of one of them: are the lists of one set?",
      },
      "enrolled-twice": {
        message:
          "{file}, line {line:number}: subject {subject:number} is enrolled a second time, after line {before:number}",
        hint: "a gallery enrols everybody by one template: let each gallery have a file of its own",
      },
    },
    why: "The lists of IJB refer to each other; what one lacks would change who is compared with whom.",
  },
  "bad-ijb": {
    code: "F2C2520",
    severity: "error",
    cases: {
      meta: {
        message: "{of}: `meta` is no path",
        hint: 'give the folder of the lists, from the experiment\'s folder: "IJBC/meta"',
      },
      whole: { message: "{of}: `{option}` is {value:number}", hint: "give a whole number from 1 up" },
      rate: {
        message: "{of}: `fpir` has a rate of {rate:number}",
        hint: "a rate is above 0 and at most 1: 1e-2",
      },
      "no-ranks": { message: "{of}: `ranks` is empty", hint: "give a rank or more: [1, 5, 10]" },
    },
    why: "The lists stand in a folder; ranks are counted, and rates are shares.",
  },
  "megaface-lists": {
    code: "F2C2521",
    severity: "error",
    cases: {
      twice: {
        message: "{file}, line {line:number}: {path} stands there a second time",
        hint: "an image is listed once: remove one of the lines",
      },
      "other-noise": {
        message: "none of the images of {file} is on the list of noise {noise}",
        hint: "names there are ends of paths, such as {example}: is it the list of this set?",
      },
      "no-folder": {
        message: "{file}, image {image:number}: {path} lies in no folder",
        hint: "a probe is `person/image.png`: its folder says whom it shows",
      },
      "noise-alone": {
        message: "{file}: all images of {person} are noise",
        hint: "an image that is noise is replaced by those of the person that are not: leave the person out, or the list of noise",
      },
      both: {
        message: "{probes} and {distractors} list the same image",
        hint: "a distractor shows nobody of the probes: is it the right list?",
      },
    },
    why: "Probes, distractors and noise are lists that go together; an image that is counted wrong changes rank-1 among a million.",
  },
  "bad-megaface": {
    code: "F2C2522",
    severity: "error",
    cases: {
      list: {
        message: "megaFace: `{option}` is no path",
        hint: "give the list, from the experiment's folder",
      },
      sizes: {
        message: "megaFace: `sizes` is [{sizes}]",
        hint: "give numbers of distractors from 1 up, rising: [10, 1_000, 1_000_000]",
      },
      size: {
        message: "megaFace: {size:number} distractors are asked for, and {file} lists {count:number}",
        hint: "ask for fewer, or leave `sizes` out",
      },
      far: {
        message: "megaFace: `far` has a rate of {rate:number}, of {pairs:number} impostor pairs",
        hint: "for a rate so many of the highest scores are kept: ask for one that accepts at most {most:number} pairs",
      },
    },
    why: "Distractors are counted, and rates are shares of all pairs of a probe and a distractor.",
  },
  "too-few-probes": {
    code: "F2C2523",
    severity: "error",
    message:
      "MegaFace needs two probes of one person, and a distractor: {probes:number} probes make {pairs:number} pairs, and there are {distractors:number} distractors that are neither noise nor broken",
    hint: "are the lists whole, and do the folders of probes say whom they show?",
    why: "A search has found its mate where that scores more than every distractor.",
  },
  "bad-study": {
    code: "F2C2130",
    severity: "error",
    cases: {
      empty: {
        message: "the study has no stage",
        hint: "study({ proxy: experiment({ … }), features: embed({ … }) })",
      },
      name: {
        message: 'the study\'s stage "{name}" has a name that is not usable as a folder',
        hint: "a letter first, then letters, digits, - and _",
      },
      stage: {
        message: "the study's `{name}` is {what}, not a stage",
        hint: "a stage is what experiment({ … }) or embed({ … }) returns",
      },
      twice: {
        message: "the study has one stage under two names: `{name}` and `{other}`",
        hint: "keep one of them",
      },
      missing: {
        message: "the study's `{name}` needs {what} that is not a stage of it",
        hint: "name it in the study too: study({ proxy, features })",
      },
    },
    why: "A study is a record of stages: each is made once, in a folder of its own, from what others have made.",
  },
  "bad-embed": {
    code: "F2C2131",
    severity: "error",
    cases: {
      batch: {
        message: "embed: `batch` is {batch:number}",
        hint: "give the number of images that are embedded at once, a whole number from 1 up",
      },
      shape: {
        message: "embed: the net takes images of {wanted}, and the data has images of {found}",
        hint: "give data of the size that the net was trained on",
      },
      folder: {
        message: "embed: {folder} holds no net: {problem}",
        hint: "give the folder of a run that has ended, or a net with its weights: weights(net, FILE)",
      },
      "no-weights": {
        message: "embed: the net has no weights",
        hint: 'give a net with its weights: weights(mobileFaceNet(), "net.safetensors")',
      },
      columns: {
        message: "embed: the net gives {found}, not a row of numbers for each image",
        hint: "give a net whose result is a tensor [images, length]",
      },
      empty: { message: "embed: the data has no images to embed ({of})", hint: "choose others with `of`" },
    },
    why: "embed makes a matrix with a row for each image, in the order of the data.",
  },
  "embeddings-not-made": {
    code: "F2C2132",
    severity: "error",
    message: "the embeddings that are the data here are made by no study",
    hint: "export default study({ features, … }) from the file, and run that",
    why: "What a stage makes lies in the folder of its study.",
  },
  "bad-answered": {
    code: "F2C2134",
    severity: "error",
    cases: {
      kind: {
        message: 'answered: "{kind}" is not usable as the name of a kind of stage',
        hint: "a small letter first, then letters, digits, - and _",
      },
      rows: {
        message: "a compiled function of the stage takes {rows:number} rows",
        hint: "give the number of rows of every call, a whole number; leave it out for a function that takes none",
      },
      "call-rows": {
        message: "a call has {given:number} rows, and its function takes {wanted:number}",
        hint: "fill a smaller batch up, with any row, and say in the plan which count",
      },
      empty: {
        message: "{kind}: the data has no rows ({of})",
        hint: "choose others with `of`",
      },
      function: {
        message: "{kind}: the driver calls a function that the stage does not have; it has {known}",
        hint: "call those that `answering` hands to the driver",
      },
      wants: {
        message:
          "{kind}: a call of `{function}` wants `{name}`, which it does not return; it returns {known}",
        hint: "want one of these, or return it from the function",
      },
      image: {
        message: "{kind}: a call of `{function}` takes row {row:number} of {rows:number}",
        hint: "rows count from 0",
      },
      waits: {
        message: "{kind}: the driver waits for an answer, and every call is answered",
        hint: 'let `next` give a call, or "done"',
      },
      wide: {
        message: "{kind}: `{name}` of `{function}` holds {value}, which does not fit into 32 bits",
        hint: "return indices and counts as whole numbers, and larger numbers as f64",
      },
      driver: {
        message: "{kind}: the driver threw after {calls:number} answers: {error}",
        hint: "it is called between the calls, in Node: mend it at the place shown",
      },
    },
    why: "A stage of this kind alternates: its driver, which is TypeScript, hands out calls of compiled functions, and hears what they gave.",
  },
  "bad-face-nms": {
    code: "F2C2135",
    severity: "error",
    message: "faceNms: give one of `threshold` and `keep`",
    hint: "faceNms({ features, keep: 0.6 }) finds the threshold that keeps this share",
    why: "Which images are too near is decided by one number, the threshold; a share finds it.",
  },
  "bad-subset": {
    code: "F2C2136",
    severity: "error",
    cases: {
      stage: {
        message: "subset: {what} is not made by a study before this",
        hint: "name it in the study, before the stage that uses the subset",
      },
      "no-images": {
        message: "subset: {what} leaves no `images`",
        hint: "give a stage that selects images, such as faceNms({ features, keep: 0.6 })",
      },
      file: {
        message: "subset: cannot read {path}: {problem}",
        hint: "give a text file with the position of an image a line, from 0, relative to the experiment's file",
      },
      image: {
        message: "subset: there is no image {image:number}: the source has {images:number} to train on",
        hint: "positions count from 0, in the order of the source",
      },
      twice: {
        message: "subset: image {image:number} is selected twice",
        hint: "name each image once",
      },
      empty: { message: "subset: no image is selected", hint: "select one or more" },
      "none-left": {
        message: "{what} leaves none of the {images:number} images to train on",
        hint: "ask for less, or look at the source with f2c-dsl data check",
      },
      identity: {
        message: "pickIdentities: there is nobody called {identity} among the {people:number} to train on",
        hint: "they are called {known}, …; a source without names has positions from 0",
      },
      "too-many": {
        message:
          "pickIdentities: {wanted:number} people are asked for, and there are {people:number} to train on",
        hint: "ask for fewer, or for a share of them such as 0.5",
      },
    },
    why: "A subset consists of images of its source, each once, in the source's order.",
  },
  "bad-concat": {
    code: "F2C2145",
    severity: "error",
    cases: {
      none: { message: "concat: no source is given", hint: "concat(first, second)" },
      shape: {
        message: "concat: one source has images of {first}, another of {other}",
        hint: "give all sources the same size and channels",
      },
    },
    why: "A step takes images from all sources at once, in one tensor.",
  },
  "bad-weights": {
    code: "F2C2133",
    severity: "error",
    cases: {
      file: {
        message: "weights: cannot read {file}: {problem}",
        hint: "give a safetensors file, or the folder of a run that has ended, relative to the experiment's file",
      },
      stage: {
        message: "weights: {what} is not made by a study before this",
        hint: "name it among the stages of the study; it cannot start from what starts from it",
      },
      fit: {
        message:
          "weights: {file} has {taken:number} of the {wanted:number} tensors; missing: {missing}; of another shape: {misshapen}; left over: {left}",
        hint: "give the net that the file is of, or its names with `prefix` and `rename`; with `strict: false` the others start as the net says",
      },
      nothing: {
        message:
          "weights: {file} has none of the {wanted:number} tensors; missing: {missing}; of another shape: {misshapen}; left over: {left}",
        hint: "give the names of the file with `prefix` and `rename`, or the net that the file is of",
      },
      momentum: {
        message:
          "weights: the momentum of {name} has no place: its optimizer has no slot {slot} (it has {kept})",
        hint: "leave out `momentum`, or train it with sgd or lars",
      },
      twin: {
        message: "{function}: this net is a twin, which has no tensors of its own making",
        hint: "give it the original: twin({function}(net))",
      },
    },
    why: "What a net starts from is looked at before anything is compiled, so that a run never starts from half a file unknowingly.",
  },
  "around-method": {
    code: "F2C2143",
    severity: "error",
    cases: {
      none: {
        message: "{function}: what it is given makes no method",
        hint: "give it f2c(…), partialFc(…) or another function from the setting to method(state, { plan, step, embed })",
      },
      taken: {
        message: "{function}: the state of the method that it is given has a `{name}` already",
        hint: "call the method's own something else; a method has one {function} around it",
      },
      plan: {
        message:
          "{function}: the plan of the method that it is given is a single value, to which nothing can be added",
        hint: "return a record from `plan`: { labels: x.labels }",
      },
      "no-net": {
        message: "{function}: the method that it is given does not say which net it trains",
        hint: 'name it beside `step`: method({ probe, … }, { …, net: "probe" })',
      },
      "no-features": {
        message: "{function}: the step of the method that it is given does not return its features",
        hint: "return them beside the loss, before they are normalised: { loss, features: { x: features } }",
      },
    },
    why: "A method around another adds to its state, its plan and its loss, and knows nothing else of it.",
  },
  "bad-teacher": {
    code: "F2C2144",
    severity: "error",
    cases: {
      random: {
        message: "distil: the teacher starts at random",
        hint: 'give it what it has learned: weights(net, "runs/teacher"), or weights(net, stage) in a study',
      },
      length: {
        message:
          "distil: the student's embeddings have the length {student:number}, the teacher's {teacher:number}",
        hint: "give the student embeddings of {teacher:number}, or a loss that compares distances: relational()",
      },
    },
    why: "A student is only as good as what it is shown.",
  },
  "best-of-unknown": {
    code: "F2C2561",
    severity: "error",
    message: 'experiment "{name}": `keepBest` names the evaluation `{evaluation}`, and there are {known}',
    hint: 'name an evaluation and one of its numbers: keepBest: "lfw.accuracy"',
    cases: {
      nothing: {
        message: 'experiment "{name}": `keepBest` is "{best}", and nothing is evaluated',
        hint: "say in `evaluate` how the net is scored, with `every` so that it is scored between the steps",
      },
    },
    why: "The best checkpoint is the one whose net scored best by a number of one of the experiment's evaluations.",
  },
} as const satisfies Catalogue;
