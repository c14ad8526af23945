"""Training and its inputs: what a program computes, against the same written in plain PyTorch."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from ir_examples import CONV_WEIGHTS, F64, NUMBER, ModuleBuilder, conv_net_module, group, tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from f2c_host.errors import HostError
from f2c_host.export import export_function
from f2c_host.ir.json_form import parse_module
from f2c_host.run.initialise import draw, fill
from f2c_host.run.memory import zeros
from f2c_host.run.program import Program, select_device
from f2c_host.run.weights_file import OpenWeights

BACKENDS = ("torchscript", "eager")


def batches(steps: int) -> list[dict[str, object]]:
    draw = torch.Generator().manual_seed(5)
    return [
        {
            "x.images": torch.randn(6, 3, 8, 8, generator=draw),
            "y": torch.randint(0, 5, (6,), generator=draw),
            "lr": 0.05 / (1 + i),
        }
        for i in range(steps)
    ]


def program(backend: str = "torchscript") -> Program:
    made = Program(parse_module(conv_net_module()), backend=backend)
    made.initialise(11)
    return made


class PlainNet(torch.nn.Module):
    """The net of `conv_net_module` by torch.nn."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.norm = torch.nn.BatchNorm2d(4, momentum=0.2)
        self.act = torch.nn.PReLU(4)
        self.fc = torch.nn.Linear(64, 5)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.fc(self.act(self.norm(self.conv(images))).flatten(1))


def plain_net(storage: dict[str, torch.Tensor]) -> PlainNet:
    net = PlainNet()
    names = {"net.act.slope": "act.weight"}
    weights = {names.get(n, n.removeprefix("net.")): storage[n] for n in CONV_WEIGHTS}
    net.load_state_dict(weights, strict=False)
    return net


def test_twenty_steps_in_both_backends_equal_plain_pytorch_and_each_other_bit_for_bit():
    script, eager = program("torchscript"), program("eager")
    net = plain_net(script.storage)
    average = [p.detach().clone() for p in net.parameters()]
    optimizer = torch.optim.SGD(net.parameters(), lr=1.0, momentum=0.9)
    for inputs in batches(20):
        got = script.run("step", inputs)["loss"]
        assert torch.equal(got, eager.run("step", inputs)["loss"])
        loss = torch.nn.functional.cross_entropy(net(inputs["x.images"]), inputs["y"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.param_groups[0]["lr"] = inputs["lr"]
        optimizer.step()
        for held, p in zip(average, net.parameters(), strict=True):
            held.mul_(0.99).add_(p.detach(), alpha=0.01)
        torch.testing.assert_close(got, loss.detach(), rtol=2e-5, atol=2e-6)
    for name in script.storage:
        assert torch.equal(script.storage[name], eager.storage[name]), name
    close = dict(rtol=2e-4, atol=2e-5)
    for name, p, held in zip(CONV_WEIGHTS, net.parameters(), average, strict=True):
        torch.testing.assert_close(script.storage[name].detach(), p.detach(), **close)
        torch.testing.assert_close(script.storage[f"average.{name}"], held, **close)
        torch.testing.assert_close(
            script.storage[f"slots.{name}"], optimizer.state[p]["momentum_buffer"], **close
        )
    torch.testing.assert_close(script.storage["net.norm.mean"], net.norm.running_mean, **close)
    torch.testing.assert_close(script.storage["net.norm.variance"], net.norm.running_var, **close)


@pytest.mark.parametrize("backend", BACKENDS)
def test_embedding_uses_the_running_statistics_and_leaves_the_storage_as_it_is(backend):
    made = program(backend)
    for inputs in batches(3):
        made.run("step", inputs)
    before = {n: t.detach().clone() for n, t in made.storage.items()}
    net = plain_net(made.storage)
    net.norm.running_mean.copy_(made.storage["net.norm.mean"])
    net.norm.running_var.copy_(made.storage["net.norm.variance"])
    images = torch.randn(2, 3, 8, 8)
    got = made.run("embed", {"images": images})["embedding"]
    torch.testing.assert_close(got, net.eval()(images).detach(), rtol=1e-5, atol=1e-6)
    assert not got.requires_grad
    assert all(torch.equal(made.storage[n], before[n]) for n in before)


@pytest.mark.parametrize("backend", BACKENDS)
def test_numpy_inputs_of_another_dtype_are_converted_to_the_declared_one(backend):
    made = program(backend)
    pixels = np.arange(2 * 3 * 8 * 8, dtype=np.uint8).reshape(2, 3, 8, 8)
    a = made.run("embed", {"images": pixels})["embedding"]
    b = made.run("embed", {"images": torch.from_numpy(pixels.astype(np.float32))})["embedding"]
    assert torch.equal(a, b)


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ({"y": None}, "F2C5202", "needs the input y"),
        ({"y": 3}, "F2C5202", "must be a tensor"),
        ({"lr": torch.ones(())}, "F2C5202", "must be a number"),
        ({"lr": "fast"}, "F2C5202", "must be a number"),
        ({"x.images": torch.zeros(6, 3, 8, 9)}, "F2C5203", "[6, 3, 8, 9]"),
        ({"x.images": torch.zeros(6, 3, 64)}, "F2C5203", "[6, 3, 64]"),
        ({"y": torch.zeros(7, dtype=torch.int64)}, "F2C5203", "[7]"),
    ],
)
def test_an_input_that_does_not_fit_is_refused_by_its_name(change, code, says):
    inputs = {**batches(1)[0], **change}
    made = program()
    before = made.storage["net.fc.weight"].detach().clone()
    with pytest.raises(HostError) as caught:
        made.run("step", {k: v for k, v in inputs.items() if v is not None})
    assert caught.value.code == code
    assert says in caught.value.message and next(iter(change)) in caught.value.message
    assert torch.equal(made.storage["net.fc.weight"], before)


@pytest.mark.parametrize(
    ("dim", "sizes"),
    [
        ("2*B", {4}),
        ("2*B+1", {5}),
        ("-B+7", {5}),
        ("B+3*C-1", {2 + 3 * 3 - 1}),
        ("B+D", {1, 5}),
        ("D", {1, 5}),
    ],
)
def test_a_size_that_follows_from_others_is_checked_wherever_those_stand(dim, sizes):
    m = ModuleBuilder()
    f = m.function("step")
    x = f.input("x", tensor(dim))
    f.input("b", tensor("B"))
    f.input("c", tensor("C"))
    f.returns(loss=(f.op("sum", x, to=NUMBER), NUMBER))
    made = Program(parse_module(m.json), backend="eager")
    for size in range(12):
        given = {"x": torch.ones(size), "b": torch.ones(2), "c": torch.ones(3)}
        if size in sizes:
            assert made.run("step", given)["loss"].item() == size
        elif "D" not in dim:
            with pytest.raises(HostError, match="F2C5203: input x"):
                made.run("step", given)


def test_an_unknown_function_is_refused_and_the_known_ones_are_named():
    with pytest.raises(HostError, match="no function 'train'") as caught:
        program().run("train", {})
    assert caught.value.code == "F2C5201" and "step, embed" in caught.value.hint


def test_an_unknown_backend_is_refused():
    with pytest.raises(HostError) as caught:
        Program(parse_module(conv_net_module()), backend="onnx")
    assert caught.value.code == "F2C6303"


@pytest.mark.parametrize("name", ["cuda", "cuda:7"])
def test_a_cuda_device_that_is_absent_is_refused_with_a_remedy(name, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(HostError) as caught:
        select_device(name)
    assert caught.value.code == "F2C6302" and caught.value.kind == "host" and "cpu" in caught.value.hint


def test_a_cuda_index_beyond_the_last_device_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert select_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(HostError, match="2 CUDA devices"):
        select_device("cuda:2")


@pytest.mark.parametrize("index", ["2", "256", "257", "999", "9" * 20])
def test_a_cuda_index_that_torch_would_wrap_around_is_refused(index, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(HostError) as caught:
        select_device(f"cuda:{index}")
    assert caught.value.code == "F2C6302"


@pytest.mark.skipif(
    torch.__version__ < "2.12" and not torch.cuda.is_available(),
    reason="fake tensors of 2.11 ask for a driver",
)
@pytest.mark.parametrize(("name", "index"), [("cuda:1", 1), ("cuda", 0), ("auto", 0)])
def test_a_program_makes_its_cuda_device_the_current_one(name, index, monkeypatch):
    chosen = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(total_memory=2**30))
    with FakeTensorMode():
        made = Program(parse_module(conv_net_module()), backend="eager", device=name)
    assert chosen == [made.device] == [torch.device("cuda", index)]


def test_f32_is_f32_on_cuda_too_and_convolutions_are_deterministic():
    settings = [
        (torch.backends.cudnn, "allow_tf32", True),
        (torch.backends.cuda.matmul, "allow_tf32", True),
        (torch.backends.cudnn, "deterministic", False),
    ]
    for owner, name, value in settings:
        setattr(owner, name, value)
    Program(parse_module(conv_net_module()))
    assert [getattr(owner, name) for owner, name, _ in settings] == [False, False, True]


def test_auto_takes_the_cpu_where_there_is_no_cuda(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert select_device("auto") == torch.device("cpu")


def test_a_name_that_is_no_device_is_refused_as_a_host_error():
    with pytest.raises(HostError) as caught:
        select_device("quantum")
    assert caught.value.code == "F2C6302"


def test_counts_of_parameters_and_bytes_are_those_of_the_storages():
    made = program()
    weights = 4 * 27 + 4 + 4 + 4 + 4 + 5 * 64 + 5
    assert made.parameter_count == weights
    assert made.state_bytes == 4 * (3 * weights + 8)


def test_parameters_take_gradients_and_states_do_not():
    made = program()
    taking = {name for name, value in made.storage.items() if value.requires_grad}
    assert taking == set(CONV_WEIGHTS)


@pytest.mark.parametrize("backend", [*BACKENDS, "inductor"])
@pytest.mark.parametrize("within", ["no_grad", "alone"])
def test_a_loss_that_reaches_no_parameter_has_zero_gradients(backend, within):
    m = ModuleBuilder()
    weights = group("net")
    m.parameter("w", tensor(2), "constant", value=3.0)
    m.state("gradient", tensor(2), "constant", value=5.0)
    m.group("net", ["w"])
    m.group("gradients", ["gradient"])
    f = m.function("step")
    x = f.input("x", tensor(2))
    if within == "no_grad":
        with f.region() as (region, _):
            f.op("yield", f.op("mul", x, f.state("w"), to=tensor(2)))
        x = f.op("no_grad", to=tensor(2), regions=[region])
    loss = f.op("sum", x, to=NUMBER)
    gradients = f.op("gradients", loss, f.op("group", to=weights, name="net"), to=weights)
    held = f.op("group", to=weights, name="gradients")
    f.op("foreach_mul_", held, gradients)
    f.returns(loss=(loss, NUMBER))
    made = Program(parse_module(m.json), backend=backend)
    made.initialise(0)
    factor = 3 if within == "no_grad" else 1
    assert made.run("step", {"x": torch.ones(2)})["loss"].item() == 2 * factor
    assert made.storage["gradient"].tolist() == [0, 0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_of_two_losses_go_back_through_what_they_share(backend):
    """y = w x, first = sum(y), second = sum(y y): d first / dw = x, d second / dw = 2 w x x."""
    m = ModuleBuilder()
    weights = group("net")
    m.parameter("w", tensor(2), "constant", value=3.0)
    m.state("first", tensor(2))
    m.state("second", tensor(2))
    m.group("net", ["w"])
    m.group("first", ["first"])
    m.group("second", ["second"])
    f = m.function("step")
    y = f.op("mul", f.input("x", tensor(2)), f.state("w"), to=tensor(2))
    first = f.op("sum", y, to=NUMBER)
    second = f.op("sum", f.op("mul", y, y, to=tensor(2)), to=NUMBER)
    net = f.op("group", to=weights, name="net")
    taken = {
        name: f.op("gradients", loss, net, to=weights)
        for name, loss in (("first", first), ("second", second))
    }
    for name, gradients in taken.items():
        f.op("foreach_copy_", f.op("group", to=weights, name=name), gradients)
    f.returns(loss=(first, NUMBER))
    made = Program(parse_module(m.json), backend=backend)
    made.initialise(0)
    made.run("step", {"x": torch.tensor([1.0, 2.0])})
    assert made.storage["first"].tolist() == [1, 2]
    assert made.storage["second"].tolist() == [6, 24]


def derivatives_by_a_leaf(outputs: float) -> dict[str, Any]:
    """step(x f32 [2]): slope = d mean(x w) / dx, w being 3."""
    m = ModuleBuilder()
    weights = group("net")
    m.parameter("w", tensor(2), "constant", value=3.0)
    m.group("net", ["w"])
    f = m.function("step")
    leaf = f.op("leaf", f.input("x", tensor(2)), to=tensor(2))
    loss = f.op("mean", f.op("mul", leaf, f.state("w"), to=tensor(2)), to=NUMBER)
    one = f.op("full", to=NUMBER, shape=[], value=1.0)
    net = f.op("group", to=weights, name="net")
    _, slope = f.op("vjp", net, loss, one, leaf, to=[weights, tensor(2)], outputs=outputs)
    f.returns(slope=(slope, tensor(2)))
    return m.json


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("outputs", [1, 1.0])
def test_the_number_of_outputs_that_are_differentiated_may_be_written_as_a_real(backend, outputs):
    made = Program(parse_module(derivatives_by_a_leaf(outputs)), backend=backend)
    made.initialise(0)
    assert made.run("step", {"x": torch.ones(2)})["slope"].tolist() == [1.5, 1.5]


@pytest.mark.parametrize("kind", ["leaf", "vjp"])
def test_derivatives_have_no_regions(kind):
    data = derivatives_by_a_leaf(1)
    ops = data["functions"][0]["body"]["ops"]
    end = {**ops[-1], "op": "yield", "operands": []}
    (op,) = (op for op in ops if op["op"] == kind)
    op["regions"] = [{"arguments": [], "ops": [end]}]
    with pytest.raises(HostError, match="breaks V8"):
        Program(parse_module(data))


CALLS = "function lib(x) {\n  return square(\n    x)\n}\nfunction twice(x) { return lib(x) }\nlib(images); twice(images)"


def frames_of_failing(backend: str, *ways: list[str]) -> list[str]:
    """What the frames mark when embed(images f32 [B, 2]) picks a column that is none in `lib`, which was inlined once for each
    way of calls, innermost first; the first one fails."""
    m = ModuleBuilder(CALLS)
    f = m.function("embed")
    x = f.input("images", tensor("B", 2), "argument")
    column = f.op("full", to=tensor(2, dtype="i64"), shape=[2], value=7, dtype="i64")
    for calls in ways:
        location = -1
        for call in reversed(calls):
            location = m.place(call, location)
        f.location = m.place("square(\n    x)", location)
        y = f.op("index_select", x, column, to=tensor("B", 2), dim=1)
    f.returns(y=(y, tensor("B", 2)))
    with pytest.raises(HostError) as caught:
        Program(parse_module(m.json), backend=backend).run("embed", {"images": torch.ones(3, 2)})
    return [m.text[frame.start : frame.end] for frame in caught.value.frames]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("calls", [["lib(images)"], ["lib(x) }", "twice(images)"]])
def test_an_error_in_an_inlined_op_names_the_calls_that_it_came_through(backend, calls):
    assert frames_of_failing(backend, calls) == ["square(\n    x)", *calls]


def test_of_an_op_that_was_inlined_twice_torchscript_names_the_calls_that_both_came_through():
    once, inner = ["lib(images)"], ["lib(x) }", "twice(images)"]
    assert frames_of_failing("torchscript", once, inner) == ["square(\n    x)"]
    assert frames_of_failing("torchscript", inner, ["function lib(x)", "twice(images)"]) == [
        "square(\n    x)",
        "twice(images)",
    ]


# ---- a parameter that is frozen


def half_frozen() -> ModuleBuilder:
    """step(x [4, 3], y i64 [4]) = the loss of a linear layer `head` on a frozen one; infer(images) = what that gives."""
    m = ModuleBuilder()
    m.frozen("net.fixed", tensor(3, 3), "normal", mean=0.0, std=1.0)
    m.parameter("head", tensor(2, 3), "normal", mean=0.0, std=1.0)
    m.group("parameters", ["head"])
    f = m.function("step")
    x, y = f.input("x", tensor(4, 3)), f.input("y", tensor(4, dtype="i64"))
    features = f.op("linear", x, f.state("net.fixed"), -1, to=tensor(4, 3))
    scores = f.op("linear", features, f.state("head"), -1, to=tensor(4, 2))
    loss = f.op("mean", f.op("cross_entropy", scores, y, to=tensor(4)), to=NUMBER)
    parameters = f.op("group", to=group("parameters"), name="parameters")
    gradients = f.op("gradients", loss, parameters, to=group("parameters"))
    f.op("foreach_add_", parameters, gradients, f.constant(-0.5))
    f.returns(loss=(loss, NUMBER))
    f = m.function("infer")
    images = f.input("images", tensor("B", 3), "argument")
    rows = tensor("B", 3)
    f.returns(embedding=(f.op("linear", images, f.state("net.fixed"), -1, to=rows), rows))
    return m


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_frozen_parameter_is_counted_and_left_alone(backend):
    made = Program(parse_module(half_frozen().json), backend=backend)
    made.initialise(2)
    assert made.parameter_count == 3 * 3 + 2 * 3
    takes = {name: tensor.requires_grad for name, tensor in made.storage.items()}
    assert takes == {"net.fixed": False, "head": True}
    fixed, head = (made.storage[name].detach().clone() for name in takes)
    head.requires_grad_()
    x, y = torch.randn(4, 3), torch.tensor([0, 1, 1, 0])
    for _ in range(3):
        got = made.run("step", {"x": x, "y": y})["loss"]
        loss = torch.nn.functional.cross_entropy(x @ fixed.T @ head.T, y)
        (gradient,) = torch.autograd.grad(loss, head)
        torch.testing.assert_close(got, loss.detach())
        head = (head - 0.5 * gradient).detach().requires_grad_()
    torch.testing.assert_close(made.storage["head"].detach(), head.detach())
    assert torch.equal(made.storage["net.fixed"], fixed)


def test_a_frozen_parameter_is_a_parameter_of_the_exported_net(tmp_path):
    made = Program(parse_module(half_frozen().json))
    made.initialise(2)
    export_function(made, "infer", "torchscript", str(tmp_path / "net.pt"))
    read = torch.jit.load(str(tmp_path / "net.pt"))
    assert [name for name, _ in read.named_parameters()] == ["fixed"]
    assert torch.equal(dict(read.named_parameters())["fixed"], made.storage["net.fixed"])


# ---- initial values


def test_initialising_writes_each_draw_where_the_storage_is():
    data = conv_net_module()
    data["storages"][0]["layout"] = "channels_last"
    made = Program(parse_module(data))
    held = {name: (tensor, tensor.data_ptr()) for name, tensor in made.storage.items()}
    made.initialise(4)
    assert all(made.storage[n] is t and t.data_ptr() == p for n, (t, p) in held.items())
    for s in made.module.storages:
        if s.init["kind"] != "copy":
            value = zeros(s, torch.device("cpu"))
            draw(s, value, 4)
            assert torch.equal(made.storage[s.name], value)
    assert made.storage["net.conv.weight"].is_contiguous(memory_format=torch.channels_last)


def drawn(seed: int, *storages: tuple[str, dict, str, dict]) -> dict[str, torch.Tensor]:
    m = ModuleBuilder()
    for name, type, kind, init in storages:
        m.parameter(name, type, kind, **init)
    module = parse_module(m.json)
    values = {s.name: zeros(s, torch.device("cpu")) for s in module.parameters}
    fill(values, module, seed, OpenWeights({}, ()))
    return values


FC = ("fc.weight", tensor(16, 9), "normal", {"mean": 0.0, "std": 1.0})
NEW = ("stem.weight", tensor(16, 9), "normal", {"mean": 0.0, "std": 1.0})


def test_a_draw_depends_on_the_seed_and_the_name_and_on_nothing_else():
    alone = drawn(3, FC)["fc.weight"]
    together = drawn(3, NEW, FC)
    assert torch.equal(alone, together["fc.weight"])
    assert not torch.equal(alone, together["stem.weight"])
    assert not torch.equal(alone, drawn(4, FC)["fc.weight"])


def test_drawing_leaves_the_global_generator_alone():
    torch.manual_seed(0)
    wanted = torch.rand(3)
    torch.manual_seed(0)
    drawn(3, FC)
    assert torch.equal(torch.rand(3), wanted)


def test_a_copy_equals_its_original_and_is_a_tensor_of_its_own_wherever_it_is_declared():
    copy = ("average.weight", tensor(16, 9), "copy", {"of": "fc.weight"})
    values = drawn(3, copy, FC)
    assert torch.equal(values["average.weight"], values["fc.weight"])
    assert values["average.weight"].data_ptr() != values["fc.weight"].data_ptr()


WIDE = tensor(64, 32, 3, 3)
FAN_IN, FAN_OUT = 32 * 9, 64 * 9


@pytest.mark.parametrize(
    ("kind", "init", "std", "flat"),
    [
        ("kaiming_normal", {"fan": "in", "gain": 2.0**0.5}, (2 / FAN_IN) ** 0.5, False),
        ("kaiming_normal", {"fan": "out", "gain": 1.0}, (1 / FAN_OUT) ** 0.5, False),
        ("kaiming_uniform", {"fan": "in", "gain": 2.0**0.5}, (2 / FAN_IN) ** 0.5, True),
        ("kaiming_uniform", {"fan": "out", "gain": 1.0}, (1 / FAN_OUT) ** 0.5, True),
        ("xavier_uniform", {"gain": 1.0}, (2 / (FAN_IN + FAN_OUT)) ** 0.5, True),
        ("normal", {"mean": 0.0, "std": 0.02}, 0.02, False),
        ("uniform", {"low": -0.3, "high": 0.3}, 0.3 / 3**0.5, True),
    ],
)
def test_random_weights_have_the_mean_deviation_and_bound_of_their_formula(kind, init, std, flat):
    values = drawn(1, ("w", WIDE, kind, init))["w"].double()
    n = values.numel()
    # Standard errors: of the mean std / sqrt(n), of the deviation at most std / sqrt(2 n).
    assert abs(values.mean().item()) < 5 * std / n**0.5
    assert abs(values.std().item() - std) < 5 * std / (2 * n) ** 0.5
    bound = 3**0.5 * std
    largest = values.abs().max().item()
    assert 0.99 * bound < largest <= bound * (1 + 1e-6) if flat else largest > 3 * std


def test_torch_draws_kaiming_and_xavier_with_the_same_bounds():
    weight = torch.empty(64, 32, 3, 3)
    torch.nn.init.kaiming_uniform_(weight, nonlinearity="relu")
    ours = drawn(1, ("w", WIDE, "kaiming_uniform", {"fan": "in", "gain": 2.0**0.5}))["w"]
    assert ours.abs().max().item() == pytest.approx(weight.abs().max().item(), rel=2e-3)
    torch.nn.init.xavier_uniform_(weight)
    ours = drawn(1, ("w", WIDE, "xavier_uniform", {"gain": 1.0}))["w"]
    assert ours.abs().max().item() == pytest.approx(weight.abs().max().item(), rel=2e-3)


@pytest.mark.parametrize(("distribution", "negative"), [("normal", True), ("uniform", False)])
def test_unit_rows_have_length_one(distribution, negative):
    rows = drawn(1, ("slots", tensor(50, 24), "unit_rows", {"distribution": distribution}))["slots"]
    torch.testing.assert_close(rows.norm(dim=1), torch.ones(50))
    assert bool((rows < 0).any()) == negative


def test_constants_keep_their_dtype():
    values = drawn(
        1,
        ("a", tensor(2, dtype="i64"), "constant", {"value": 7.0}),
        ("b", tensor(2, dtype="bool"), "constant", {"value": 1.0}),
        ("c", tensor(dtype="f64"), "zeros", {}),
    )
    assert values["a"].tolist() == [7, 7] and values["a"].dtype == torch.int64
    assert values["b"].tolist() == [True, True]
    assert values["c"].shape == () and values["c"].dtype == torch.float64


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_same_seed_and_inputs_give_the_same_bits_twice(backend):
    a, b = program(backend), program(backend)
    for inputs in batches(2):
        a.run("step", inputs)
        b.run("step", inputs)
    assert all(torch.equal(a.storage[n], b.storage[n]) for n in a.storage)


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_symbol_of_a_function_is_bound_on_its_own(backend):
    m = ModuleBuilder()
    f = m.function("infer")
    a, b = f.input("a", tensor("B", 2), "argument"), f.input("b", tensor("C", 2), "argument")
    f.input("scale", F64, "argument")
    f.returns(sum=(f.op("sum", f.op("cat", a, b, to=tensor("B+C", 2)), to=NUMBER), NUMBER))
    made = Program(parse_module(m.json), backend=backend)
    got = made.run("infer", {"a": torch.ones(3, 2), "b": torch.ones(4, 2), "scale": 1})
    assert got["sum"].item() == 14.0
