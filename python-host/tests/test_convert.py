"""Files of PyTorch as one safetensors file: what is taken under which name, and what is refused. The literal side is torch's own:
state dicts of nets, of DistributedDataParallel and of torch.optim, and matrices divided among ranks by hand."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from arcface_torch_nets import IResNet, Mbf, shaken
from compiled import ROOT, node
from safetensors.torch import load_file
from torch import Tensor, nn

from f2c_host.convert import convert
from f2c_host.errors import HostError
from f2c_host.ir.json_form import parse_module
from f2c_host.run.program import Program
from f2c_host.run.weights_file import WeightsFile


class Own:
    """What a file can hold that only code makes again."""


def converted(folder: Path, *names: str) -> tuple[Mapping[str, Any], Mapping[str, Tensor]]:
    to = folder / "out.safetensors"
    said = convert([folder / name for name in names], to)
    assert said["bytes"] == to.stat().st_size
    return said, load_file(to)


def rows(said: Mapping[str, Any]) -> list[tuple[str, int, str]]:
    return [(row["did"], row["count"], row["what"]) for row in said["rows"]]


# Nets


def test_a_net_that_we_have_gets_our_names_and_loses_counters(tmp_path):
    state = shaken(IResNet(18, size=32)).state_dict()
    torch.save(state, tmp_path / "backbone.pth")
    said, made = converted(tmp_path, "backbone.pth")
    ours = {
        name.replace("running_mean", "mean")
        .replace("running_var", "variance")
        .replace("prelu.weight", "prelu.slope"): value
        for name, value in state.items()
        if not name.endswith("num_batches_tracked")
    }
    assert made.keys() == ours.keys()
    for name, value in ours.items():
        assert torch.equal(made[name], value), name
    norms = sum(name.endswith("running_mean") for name in state)
    slopes = sum(name.endswith("prelu.weight") for name in state)
    assert sorted(rows(said)) == sorted(
        [
            ("taken", len(ours) - 2 * norms - slopes, "under their names"),
            ("taken", slopes, "as slope, there weight"),
            ("taken", norms, "as mean, there running_mean"),
            ("taken", norms, "as variance, there running_var"),
            ("dropped", norms, "num_batches_tracked, a counter of PyTorch's"),
        ]
    )
    assert said["net"] == {
        "call": "iresnet(18)",
        "parameters": sum(p.numel() for p in IResNet(18, size=32).parameters()),
    }


def test_names_that_we_do_not_know_stay_and_so_does_all_else(tmp_path):
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.PReLU(4))
    torch.save(net.state_dict(), tmp_path / "own.pt")
    said, made = converted(tmp_path, "own.pt")
    assert made.keys() == net.state_dict().keys() and said["net"] is None
    assert rows(said) == [("taken", 8, "under their names")]


def test_a_deeper_net_than_ours_is_not_taken_for_one_of_ours(tmp_path):
    state = IResNet(18, size=32).state_dict()
    state |= {name.replace("layer3.1.", "layer3.9."): v for name, v in state.items() if "layer3.1." in name}
    torch.save(state, tmp_path / "deep.pth")
    said, made = converted(tmp_path, "deep.pth")
    assert said["net"] is None and made.keys() == state.keys()


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda state: {"state_dict": state, "epoch": 3, "best": torch.tensor(0.5)},
        lambda state: {"model": state, "optimizer": {"state": {}, "param_groups": []}},
        lambda state: {"checkpoint": 1, "net": {"state_dict": state}},
        lambda state: {"module." + name: value for name, value in state.items()},
        lambda state: {"state_dict": {"module.backbone." + n: v for n, v in state.items()}},
        lambda state: {"_orig_mod.module." + name: value for name, value in state.items()},
    ],
)
def test_a_state_dict_is_found_in_what_lies_around_it(wrapped, tmp_path):
    state = nn.Linear(3, 2).state_dict()
    torch.save(wrapped(state), tmp_path / "net.pt")
    said, made = converted(tmp_path, "net.pt")
    assert made.keys() == {"weight", "bias"} and torch.equal(made["weight"], state["weight"])
    assert any(did in ("opened", "cut off") for did, *_ in rows(said))


def test_a_prefix_that_some_names_lack_stays(tmp_path):
    state = {"module.weight": torch.ones(2), "head.weight": torch.ones(3)}
    torch.save(state, tmp_path / "net.pt")
    assert converted(tmp_path, "net.pt")[1].keys() == state.keys()


def test_what_lay_beside_the_net_is_named(tmp_path):
    torch.save({"state_dict": {"w": torch.ones(2), "note": "x"}, "epoch": 3, "args": {}}, tmp_path / "net.pt")
    said, _ = converted(tmp_path, "net.pt")
    assert ("left", 2, "epoch, args") in rows(said) and ("left", 1, "note") in rows(said)


def test_the_old_format_and_views_are_read(tmp_path):
    base = torch.arange(12.0).reshape(3, 4)
    state = {"column": base[:, 1], "turned": base.T, "all": base, "half": base.bfloat16()}
    torch.save(state, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    _, made = converted(tmp_path, "old.pt")
    for name, value in state.items():
        assert torch.equal(made[name], value), name


def test_half_a_net_of_ours_is_widened_since_ours_start_from_f32(tmp_path):
    state = {n: v.half() if v.is_floating_point() else v for n, v in Mbf(size=32).state_dict().items()}
    torch.save(state, tmp_path / "half.pt")
    said, made = converted(tmp_path, "half.pt")
    assert {value.dtype for value in made.values()} == {torch.float32}
    assert ("widened", len(made), "f16 to f32") in rows(said)
    assert torch.equal(made["conv_sep.layers.0.weight"].half(), state["conv_sep.layers.0.weight"])


def test_what_a_file_of_ours_cannot_hold_is_named_and_left_out(tmp_path):
    state = {"w": torch.ones(2), "c": torch.ones(2, dtype=torch.complex64), "s": torch.eye(3).to_sparse()}
    torch.save(state, tmp_path / "odd.pt")
    said, made = converted(tmp_path, "odd.pt")
    assert made.keys() == {"w"}
    assert ("dropped", 1, "c: of type complex64") in rows(said)
    assert ("dropped", 1, "s: a sparse tensor") in rows(said)


# Shards of Partial FC

DIM = 5
# arcface_torch gives the first ranks one identity more.
SIZES = (4, 3, 3)


def parts(matrix: Tensor) -> tuple[Tensor, ...]:
    return matrix.split(SIZES)


def matrix(seed: int) -> Tensor:
    return torch.randn(sum(SIZES), DIM, generator=torch.Generator().manual_seed(seed))


def test_shards_of_three_ranks_are_merged_in_their_order_whatever_that_of_the_files(tmp_path):
    centres = matrix(1)
    for rank, part in enumerate(parts(centres)):
        torch.save({"weight": part.clone()}, tmp_path / f"softmax_fc_gpu_{rank}.pt")
    said, made = converted(tmp_path, *(f"softmax_fc_gpu_{rank}.pt" for rank in (2, 0, 1)))
    assert made.keys() == {"centres"} and torch.equal(made["centres"], centres)
    assert rows(said) == [("merged", 3, f"into centres [10, {DIM}], in the order of ranks")]


def test_ranks_are_numbers_and_not_texts(tmp_path):
    centres = torch.arange(11.0).reshape(11, 1)
    for rank in range(11):
        torch.save(
            {"module.weight": centres[rank : rank + 1].clone()}, tmp_path / f"softmax_fc_gpu_{rank}.pt"
        )
    _, made = converted(tmp_path, *sorted(path.name for path in tmp_path.glob("*.pt")))
    assert torch.equal(made["centres"], centres)


def test_the_first_versions_matrices_have_their_momentum_beside_them(tmp_path):
    centres, momentum = matrix(1), matrix(2)
    for rank, (part, moved) in enumerate(zip(parts(centres), parts(momentum), strict=True)):
        torch.save(part.clone(), tmp_path / f"rank_{rank}_softmax_weight.pt")
        torch.save(moved.clone(), tmp_path / f"rank_{rank}_softmax_weight_mom.pt")
    _, made = converted(tmp_path, *(path.name for path in tmp_path.glob("*.pt")))
    assert torch.equal(made["centres"], centres)
    assert torch.equal(made["optimizer.velocity.centres"], momentum)


class Wrapped(nn.Module):
    """What arcface_torch calls a net here: something small with a frozen scale and statistics."""

    def __init__(self, frozen_scale: bool = True) -> None:
        super().__init__()
        self.fc = nn.Linear(3, DIM)
        self.features = nn.BatchNorm1d(DIM)
        self.features.weight.requires_grad = not frozen_scale


def checkpoints(
    folder: Path, optimizer: Any = torch.optim.SGD, frozen_scale: bool = True, **options: Any
) -> list[dict[str, Any]]:
    """Those of three ranks after two steps, as train_v2.py saves them: the net is the same on all, but for statistics."""
    found = []
    for rank, size in enumerate(SIZES):
        torch.manual_seed(7)
        net = Wrapped(frozen_scale)
        head = nn.Linear(DIM, size, bias=False)
        with torch.no_grad():
            head.weight.copy_(parts(matrix(1))[rank])
        opt = optimizer([{"params": net.parameters()}, {"params": head.parameters()}], lr=0.1, **options)
        for step in range(2):
            opt.zero_grad()
            images = torch.randn(4, 3, generator=torch.Generator().manual_seed(step))
            head(net.features(net.fc(images))).square().mean().backward()
            opt.step()
        net.features.running_mean.fill_(rank)
        checkpoint = {
            "epoch": 2,
            "global_step": 2,
            "state_dict_backbone": net.state_dict(),
            "state_dict_softmax_fc": {"weight": head.weight.detach()},
            "state_optimizer": opt.state_dict(),
            "state_lr_scheduler": {"last_epoch": 2},
        }
        torch.save(checkpoint, folder / f"checkpoint_gpu_{rank}.pt")
        found.append(
            checkpoint
            | {"momentum": lambda p, opt=opt: opt.state[p]["momentum_buffer"], "net": net, "head": head}
        )
    return found


def test_checkpoints_give_the_net_of_rank_0_the_centres_of_all_and_the_momentum_of_both(tmp_path):
    saved = checkpoints(tmp_path, momentum=0.9)
    said, made = converted(tmp_path, *(f"checkpoint_gpu_{rank}.pt" for rank in range(3)))
    first = saved[0]
    net, momentum = first["net"], first["momentum"]
    assert torch.equal(made["centres"], torch.cat([c["head"].weight.detach() for c in saved]))
    assert torch.equal(
        made["optimizer.velocity.centres"], torch.cat([c["momentum"](c["head"].weight) for c in saved])
    )
    for name, value in first["state_dict_backbone"].items():
        assert torch.equal(made[name], value), name
    trained = {name: p for name, p in net.named_parameters() if p.requires_grad}
    assert {n for n in made if n.startswith("optimizer.")} == {
        "optimizer.velocity.centres",
        *(f"optimizer.velocity.{name}" for name in trained),
    }
    for name, parameter in trained.items():
        assert torch.equal(made[f"optimizer.velocity.{name}"], momentum(parameter)), name
    assert ("taken", 3, "momentum, as optimizer.velocity") in rows(said)
    assert ("left", 3, "epoch, global_step, state_lr_scheduler") in rows(said)


def test_what_another_optimizer_kept_is_left_and_said(tmp_path):
    checkpoints(tmp_path, torch.optim.AdamW)
    said, made = converted(tmp_path, *(f"checkpoint_gpu_{rank}.pt" for rank in range(3)))
    assert not [name for name in made if name.startswith("optimizer.")]
    assert ("left", 1, "state_optimizer, which has no momentum as torch.optim.SGD keeps it") in rows(said)


def test_a_net_and_shards_make_one_file(tmp_path):
    torch.save(Wrapped().state_dict(), tmp_path / "model.pt")
    torch.save({"weight": matrix(1)}, tmp_path / "softmax_fc_gpu_0.pt")
    _, made = converted(tmp_path, "model.pt", "softmax_fc_gpu_0.pt")
    assert made.keys() == {*Wrapped().state_dict(), "centres"}


EXPERIMENT = """
import {
  adaptiveAvgPool2d, arcFace, batchNorm1d, classification, experiment, type Features, fixed, flatten, full, type Images,
  instances, linear, module, net, sampled, sgd, syntheticFaces, weights,
} from "f2c-dsl";
const parts = { pool: adaptiveAvgPool2d(1), flat: flatten(), fc: linear(3, 5), features: batchNorm1d(5) };
const small = net(5, () => module(parts, ({ pool, flat, fc, features }, x: Images): Features<5> =>
  features(fc(flat(pool(x)) as Features<3>)) as Features<5>));
const heldOut = { identities: 0, images: 0 };
const file = "out.safetensors", momentum = true;
const rename = (name: string) => name.replace(/mean$/, "running_mean").replace(/variance$/, "running_var");
export default experiment({
  name: "goes-on", data: syntheticFaces({ identities: 10, imagesPerIdentity: fixed(4), size: 16, heldOut }),
  method: classification({
    net: weights(small, file, { rename, momentum }),
    bank: weights(BANK, file, { momentum }),
    margin: arcFace(),
  }),
  loader: instances({ images: 4 }), optimizer: sgd({ momentum: 0.9 }), lr: 0.1, steps: 4,
});
"""


@pytest.mark.parametrize("bank", ["full()", "sampled({ share: 0.6 })", "sampled({ share: 0.1 })"])
def test_a_run_starts_from_the_checkpoints_of_three_ranks_with_net_centres_and_momentum(bank, tmp_path):
    saved = checkpoints(tmp_path, frozen_scale=False, momentum=0.9)
    converted(tmp_path, *(f"checkpoint_gpu_{rank}.pt" for rank in range(3)))
    (tmp_path / "exp.ts").write_text(EXPERIMENT.replace("BANK", bank))
    printed = node(ROOT / "dist/runtime/cli/main.js", "ir", tmp_path / "exp.ts", "--json")
    program = Program(parse_module(json.loads(printed)), backend="eager")
    names = {s.init["file"] for s in program.module.storages if s.init["kind"] == "file"}
    files = {name: WeightsFile(tmp_path / "out.safetensors", strict=False) for name in names}
    program.initialise(0, program.weights(files))
    momentum, net, storage = saved[0]["momentum"], saved[0]["net"], program.storage
    assert torch.equal(storage["bank.centres"], torch.cat([c["head"].weight for c in saved]))
    assert torch.equal(
        storage["optimizer.velocity.bank.centres"],
        torch.cat([c["momentum"](c["head"].weight) for c in saved]),
    )
    for name, parameter in net.named_parameters():
        assert torch.equal(storage[f"net.{name}"], parameter), name
        assert torch.equal(storage[f"optimizer.velocity.net.{name}"], momentum(parameter)), name
    assert torch.equal(storage["net.features.mean"], net.features.running_mean)


# What is refused


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        ({"w": torch.ones(1), "args": argparse.Namespace(x=1)}, "F2C6213", "argparse.Namespace, which only"),
        ({"w": torch.ones(1), "own": Own()}, "F2C6213", "test_convert.Own, which only code"),
        (nn.Linear(2, 2), "F2C6213", "torch.nn.modules.linear.Linear"),
        ({"epoch": 3}, "F2C6215", "holds no tensors under names"),
        (torch.ones(3), "F2C6215", "holds no tensors under names"),
        ({}, "F2C6215", "holds no tensors under names"),
    ],
)
def test_a_file_that_is_no_state_dict_is_refused_and_nothing_is_made(content, code, says, tmp_path):
    torch.save(content, tmp_path / "net.pt")
    with pytest.raises(HostError, match=code) as refused:
        converted(tmp_path, "net.pt")
    assert says in refused.value.message and refused.value.kind == "user" and refused.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["net.pt"]


def test_code_in_a_file_does_not_run(tmp_path):
    class Touch:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "ran",)

    torch.save({"w": torch.ones(1), "bad": Touch()}, tmp_path / "bad.pt")
    with pytest.raises(HostError, match="F2C6213"):
        converted(tmp_path, "bad.pt")
    assert not (tmp_path / "ran").exists()


def test_a_torchscript_program_is_refused(tmp_path):
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), tmp_path / "net.pt")
    with pytest.raises(HostError, match=r"F2C6213: .* a TorchScript program"):
        converted(tmp_path, "net.pt")


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda path: None, "No such file"),
        (lambda path: path.mkdir(), "Is a directory"),
        (lambda path: path.write_text("hello"), "no file of torch.save"),
        (lambda path: path.write_bytes(b""), "no file of torch.save"),
        (
            lambda path: (torch.save({"w": torch.ones(9)}, path), path.write_bytes(path.read_bytes()[:-40])),
            "cut short",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_named(write, says, tmp_path):
    write(tmp_path / "net.pt")
    with pytest.raises(HostError, match="F2C6214: cannot convert") as refused:
        converted(tmp_path, "net.pt")
    assert says in refused.value.message


@pytest.mark.parametrize(
    ("files", "code", "says"),
    [
        ({"gpu_0": (4, 5), "gpu_2": (3, 5)}, "F2C6216", "the weight of rank 1 is missing, of 3 ranks"),
        ({"gpu_1": (4, 5), "gpu_2": (3, 5)}, "F2C6216", "the weight of rank 0 is missing"),
        ({"gpu_0": (4, 5), "gpu_1": (3, 6)}, "F2C6216", "has a weight [3, 6], which does not fit"),
        ({"gpu_0": (4, 5), "rank_0": (4, 5)}, "F2C6216", "are both of rank 0"),
        ({"gpu_0": (4, 5), "rank_0_mom": (4, 6)}, "F2C6216", "has a momentum [4, 6], which does not fit"),
        ({"gpu_0": (4, 5), "gpu_1": (4, 5), "rank_0_mom": (4, 5)}, "F2C6216", "the momentum of rank 1"),
        ({"a": (4, 5), "b": (4, 5)}, "F2C6215", "are two nets, or their names do not say which rank"),
    ],
)
def test_shards_that_do_not_fit_together_are_refused(files, code, says, tmp_path):
    for name, shape in files.items():
        torch.save({"weight": torch.zeros(shape)}, tmp_path / f"{name}.pt")
    with pytest.raises(HostError, match=code) as refused:
        converted(tmp_path, *(f"{name}.pt" for name in files))
    assert says in refused.value.message


def test_an_optimizer_of_another_net_is_refused(tmp_path):
    checkpoints(tmp_path, momentum=0.9)
    path = tmp_path / "checkpoint_gpu_0.pt"
    content = torch.load(path)
    content["state_dict_backbone"]["extra"] = torch.ones(3)
    torch.save(content, path)
    with pytest.raises(HostError, match=r"F2C6216: .* are not those of the net"):
        converted(tmp_path, *(f"checkpoint_gpu_{rank}.pt" for rank in range(3)))
