import { experiment, linear, method, noGrad, ops, parametersOf } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () =>
    method(
      { net: net(), head: linear(8, 5) },
      {
        plan: (_books, { x }, at) => ({ labels: x.labels, weight: at.step / 2 }),
        step({ net, head }, { x }, plan) {
          const features = net(x);
          let loss = ops.cross_entropy(head(features), plan.labels).mean();
          // refused F2C1001 «loss»: - is for numbers, and `loss` is a tensor f32[] | use the method: loss.rsub(1) is 1 - loss
          loss = 1 - loss;
          // refused F2C1001 «loss.mean()»: - is for numbers, and `loss.mean()` is a tensor f32[] | use the method: loss.mean().rsub(1)
          loss = 1 - loss.mean();
          // refused F2C1001 «loss + loss»: + is for numbers, and `loss` is a tensor f32[] | use the method: loss.add(loss)
          loss = loss + loss;
          // refused F2C1001 «loss += loss»: += is for numbers, and `loss` is a tensor f32[] | use the method: loss = loss.add(loss)
          loss += loss;
          // refused F2C1001 «loss»: *= is for numbers, and `loss` is a tensor f32[] | use the method: loss = loss.mul(2)
          loss *= 2;
          // refused F2C1001 «-loss»: - is for numbers, and `loss` is a tensor f32[] | use the method: loss.neg()
          loss = -loss;
          // refused F2C1001 «1 - (loss as any)»: - gives a number, where a tensor is wanted | use the method: loss.rsub(1)
          loss = 1 - (loss as any);
          // refused F2C1001 «features»: ** is for numbers, and `features` is a tensor f32[number, 8] | use the method: features.pow(2)
          const squares = features ** 2;
          // refused F2C1001 «features > 0»: > is for numbers, and `features` is a tensor f32[number, 8] | use the method: features.gt(0)
          const positive = ops.where(features > 0, features, 0);
          // refused F2C1001 «loss > 3»: > is for numbers, and `loss` is a tensor f32[] | choose with ops.where(loss.gt(3), a, b)
          if (loss > 3) loss = loss.mul(2);
          // refused F2C1001 «parametersOf(net)»: `parametersOf(net)` is a group of tensors, which cannot be looped over | parametersOf(net).foreach_norm()
          for (const p of parametersOf(net)) loss = loss.add(p.sum());
          // refused F2C1001 «map»: `parametersOf(net)` is a group of tensors, which has no method `map` | a group is one value
          parametersOf(net).map((p) => p);
          // refused F2C1001 «features»: `features` is a tensor f32[number, 8], which cannot be looped over | .select(0, i)
          for (const row of features) loss = loss.add(row);
          // refused F2C1001 «parameters»: `net` is a module, which has no method `parameters` | parametersOf(net)
          for (const p of net.parameters()) loss = loss.add(p);
          // refused F2C1001 «forward»: `net` is a module, which has no method `forward` | called like a function: net(x)
          const again = net.forward(x);
          // refused F2C1001 «eval»: `net` is a module, which has no method `eval` | evaluating(() => net(images))
          net.eval();
          // refused F2C1001 «item»: `loss` is a tensor f32[], which has no method `item` | returning it beside the loss: { loss, value: loss }
          const value = loss.item();
          // refused F2C1001 «view»: `features` is a tensor f32[number, 8], which has no method `view` | write features.reshape([-1, 4])
          const viewed = features.view(-1, 4);
          // refused F2C1001 «4»: Expected 1 arguments, but got 2 | write them as one list: features.reshape([-1, 4])
          const shaped = features.reshape(-1, 4);
          // refused F2C1001 «T»: `features` is a tensor f32[number, 8], which has no field `T` | write features.transpose(0, 1)
          const turned = features.T;
          // refused F2C1001 «features[0]»: `features` is a tensor f32[number, 8], which [] cannot index | features[0] is features.select(0, 0)
          const first = features[0];
          // refused F2C1001 «features[0, 1]»: `features` is a tensor f32[number, 8], which [] cannot index | features[a:b] is features.slice(0, a, b)
          // biome-ignore format: as it is written there
          const both = features[0, 1];
          // refused F2C1001 «cuda»: which has no method `cuda` | experiment({ device: "cuda" })
          const there = x.cuda();
          // refused F2C1001 «"cuda"»: is not assignable to parameter of type 'DType' | experiment({ device: "cuda" })
          const moved = x.to("cuda");
          // refused F2C1001 «"float32"»: is not assignable to parameter of type 'DType' | write .to("f32")
          const cast = x.to("float32");
          // refused F2C1001 «long»: which has no method `long` | write features.to("i64")
          const whole = features.long();
          // refused F2C1001 «cpu»: `features.detach()` is a tensor f32[number, 8], which has no method `cpu` | leave it out
          const here = features.detach().cpu();
          // refused F2C1001 «backward»: which has no method `backward` | the compiler takes its gradient
          loss.backward();
          // refused F2C1001 «optimizer»: Cannot find name 'optimizer' | the update follows the loss by itself
          optimizer.step();
          // refused F2C1001 «dim»: `dim=1` assigns to a name: arguments have no names here | it is written x.sum(dim?, { keepdim? })
          // biome-ignore format: as it is written there
          const sums = features.sum(dim=1, keepdim=True);
          // refused F2C1001 «true»: Type 'true' has no properties in common | options stand in a record: { keepdim: true }
          const means = features.mean(1, true);
          // refused F2C1001 «max»: which has no method `max` | write features.amax(1) for the largest value
          const most = features.max(1);
          // refused F2C1001 «1»: Expected 1 arguments, but got 2 | it is written x.clamp({ min?, max? })
          const clamped = features.clamp(0, 1);
          // refused F2C1001 «relu_»: which has no method `relu_` | write features.relu() and use what it gives
          features.relu_();
          // refused F2C1001 «torch»: Cannot find name 'torch' | write ops.cat([x, x])
          const joined = torch.cat([x, x]);
          // refused F2C1001 «torch»: Cannot find name 'torch' | write ops.full([4, 8], 0)
          const nothing = torch.zeros(4, 8);
          // refused F2C1001 «F»: Cannot find name 'F' | write features.relu()
          const active = F.relu(features);
          // refused F2C1001 «nn»: Cannot find name 'nn' | write linear(…), of f2c-dsl
          const layer = nn.Linear(8, 5);
          // refused F2C1001 «normalize»: Cannot find name 'normalize' | import { normalize } from "f2c-dsl"
          const unit = normalize(features);
          // refused F2C1001 «cat»: Cannot find name 'cat' | it is an op: ops.cat(…)
          const both2 = cat([x, x]);
          // refused F2C1001 «len»: Cannot find name 'len' | x.size(0)
          const count = len(features);
          // refused F2C1001 «print»: Cannot find name 'print' | return the number beside the loss
          print(loss);
          // refused F2C1001 «None»: Cannot find name 'None' | write null
          const none = None;
          // refused F2C1001 «normal»: there is no op `normal` | ops.rand, randn, randint, bernoulli and permutation draw on the device
          const noise = ops.normal([4, 8]);
          // refused F2C1001 «dropout»: there is no op `dropout` | it is a layer of f2c-dsl, dropout(0.1)
          const dropped = ops.dropout(features, 0.5, true);
          // refused F2C1001 «crossEntropy»: there is no op `crossEntropy` | write ops.cross_entropy(features, plan.labels)
          const other = ops.crossEntropy(features, plan.labels);
          // refused F2C1001 «loss»: is not assignable to parameter of type 'number' | tensors have it as a method: loss.sqrt()
          const root = Math.sqrt(loss);
          // refused F2C1001 «features»: is not assignable to parameter of type '() => unknown' | give it a function: noGrad(() => features)
          const quiet = noGrad(features);
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
