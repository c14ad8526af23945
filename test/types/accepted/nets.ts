// Nets from lists and records of children, and children that a configuration leaves out.
import {
  adaptiveAvgPool2d,
  conv2d,
  type Features,
  flatten,
  type Images,
  type Layer,
  linear,
  module,
  type Net,
  net,
  ones,
  parameter,
  prelu,
  residual,
  sequential,
  stack,
  state,
} from "f2c-dsl";

type Block = Layer<Images, Images>;

const block = (inputs: number, outputs: number): Block =>
  module(
    { conv: conv2d(inputs, outputs, { kernel: 3, padding: 1 }), act: prelu(outputs) },
    ({ conv, act }, x: Images): Images => act(conv(x)),
  );

/** Widths as numbers; a list of blocks that grows; a head that there may be. */
export const grown = ({ widths = [32, 64, 64], embedding = 128, head = true } = {}): Net =>
  net(embedding, ([channels]) => {
    const blocks: Block[] = [];
    let c = channels;
    for (const width of widths) {
      const body = block(c, width);
      blocks.push(c === width ? residual(body) : body);
      c = width;
    }
    return module(
      {
        blocks: stack(blocks),
        mapped: stack(widths.map((width) => residual(block(width, width)))),
        pool: adaptiveAvgPool2d(1),
        flatten: flatten(),
        head: head ? linear(c, embedding) : null,
        gain: parameter([embedding], ones()),
      },
      ({ blocks, mapped, pool, flatten, head, gain }, x: Images): Features => {
        const features = flatten(pool(mapped(blocks(x))));
        return (head ? head(features) : features).mul(gain);
      },
    );
  });

/** Children in lists, tuples and records. */
export const nested = module(
  {
    list: [block(3, 8), block(8, 8)],
    parts: { scale: state([8, 1, 1]), deep: [{ last: conv2d(8, 4, { kernel: 1 }) }] },
  },
  ({ list, parts }, x: Images<3>): Images<4> => {
    let y: Images = x;
    for (const each of list) y = each(y);
    return parts.deep[0].last(y.mul(parts.scale));
  },
);

/** Literal widths all the way: the length of the embedding is checked. */
export const literal = net(64, () =>
  sequential(conv2d(3, 16, { kernel: 3 }), adaptiveAvgPool2d(1), flatten(), linear(16, 64)),
);
