"""Batch normalisation, a depthwise convolution and batch normalisation, in C, against aten in f64."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from closeness import close
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.functional import batch_norm, conv2d, prelu
from torch.utils.checkpoint import checkpoint

from f2c_host.kernels import batch_norm as kernels
from f2c_host.kernels import native
from f2c_host.kernels.ops import depthwise  # noqa: F401 - defines the op

EPS, MOMENTUM = 1e-5, 0.1

pytestmark = pytest.mark.usefixtures("way")


class Case(NamedTuple):
    """[N, C, H, W], and of the kernel its size, stride and padding."""

    images: tuple[int, int, int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)


CASES = [
    Case((6, 16, 7, 6), (3, 3), (1, 1), (1, 1)),
    Case((5, 20, 9, 8), (3, 3), (2, 2), (1, 1)),
    Case((4, 21, 8, 8), (3, 3), (1, 2), (0, 1)),
    Case((4, 31, 8, 8), (2, 9), (1, 1), (1, 8)),
    Case((4, 33, 10, 11), (5, 5), (2, 2), (2, 2)),
    Case((5, 48, 7, 7), (7, 7), (1, 1), (3, 3)),
    Case((40, 32, 4, 4), (4, 4)),  # one value an image, as where a net gathers its images
    Case((6, 16, 4, 5), (3, 3), (1, 1), (2, 2)),
    Case((5, 17, 9, 9), (1, 2), (3, 3)),  # rows and columns that no tap sees
    Case((5, 17, 9, 9), (2, 3), (4, 1)),
    Case((6, 18, 3, 3), (3, 3), (1, 1), (1, 1)),
    Case((6, 16, 2, 2), (3, 3), (1, 1), (1, 1)),  # never three rows at a time
    Case((3, 16, 20, 150), (3, 3), (1, 1), (1, 1)),  # rows longer than what is added up in f32
    Case((6, 16, 12, 9), (2, 4), (1, 1), (1, 2)),
]


class Given(NamedTuple):
    x: Tensor
    weight: Tensor | None
    bias: Tensor | None
    mean: Tensor | None
    variance: Tensor | None
    slope: Tensor | None
    kernel: Tensor
    weight_2: Tensor | None
    bias_2: Tensor | None
    mean_2: Tensor | None
    variance_2: Tensor | None
    slope_2: Tensor | None

    def to(self, dtype: torch.dtype) -> Given:
        return Given(*(None if t is None else t.to(dtype) for t in self))


RUNNING = ("mean", "variance", "mean_2", "variance_2")
LEARNT = tuple(name for name in Given._fields if name not in RUNNING)


def drawn(case: Case = CASES[0], slopes: int | None = None, layout=torch.channels_last) -> Given:
    """`slopes`: how many of each PReLU, one a channel if not said."""
    chance = torch.Generator().manual_seed(0)
    channels = case.images[1]
    x = (torch.randn(case.images, generator=chance) * 2 + 3).contiguous(memory_format=layout)
    kernel = torch.randn((channels, 1, *case.kernel), generator=chance)

    def norm():
        # Not near 0: the normalisation behind would divide by what is left of such a channel.
        weight = (torch.rand(channels, generator=chance) + 0.5) * torch.randn(
            channels, generator=chance
        ).sign()
        bias, mean = (torch.randn(channels, generator=chance) for _ in range(2))
        variance = torch.rand(channels, generator=chance)
        return weight, bias, mean, variance, torch.rand(slopes or channels, generator=chance) - 0.3

    return Given(x, *norm(), kernel, *norm())


def ours(given: Given, case: Case, training: bool = True) -> Tensor:
    return torch.ops.f2c.norm_depthwise_norm(
        *given, list(case.stride), list(case.padding), training, MOMENTUM, EPS
    )


def by_aten(given: Given, case: Case, training: bool = True) -> Tensor:
    def normalised(x, weight, bias, mean, variance, slope):
        y = batch_norm(x, mean, variance, weight, bias, training, MOMENTUM, EPS)
        return y if slope is None else prelu(y, slope)

    inner = normalised(given.x, *given[1:6])
    between = conv2d(inner, given.kernel, None, case.stride, case.padding, 1, given.x.size(1))
    return normalised(between, *given[7:])


def leaves(given: Given, names: tuple[str, ...] = LEARNT) -> list[Tensor]:
    return [t.requires_grad_() for name in names if (t := getattr(given, name)) is not None]


def gradient_of(y: Tensor) -> Tensor:
    """Not in the memory order of y."""
    return torch.randn(y.shape, generator=torch.Generator().manual_seed(1))


def agree(given: Given, case: Case, names: tuple[str, ...] = LEARNT) -> None:
    """Values, gradients and running statistics are those of aten in f64; what aten computes in f32 is less exact."""
    tolerance = 3e-5 if kernels.library() else 1e-4
    wide = given.to(torch.float64)
    mine, right = leaves(given, names), leaves(wide, names)
    y, wanted = ours(given, case), by_aten(wide, case)
    g = gradient_of(y)
    close(y.detach(), wanted.detach(), tolerance)
    assert y.is_contiguous(memory_format=torch.channels_last) == given.x.is_contiguous(
        memory_format=torch.channels_last
    )
    for name in RUNNING:
        if getattr(given, name) is not None:
            close(getattr(given, name), getattr(wide, name))
    for leaf, found, of in zip(
        mine, torch.autograd.grad(y, mine, g), torch.autograd.grad(wanted, right, g.double()), strict=True
    ):
        assert found.shape == leaf.shape
        close(found, of, tolerance)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("slopes", [1, None])
@pytest.mark.parametrize("case", CASES)
def test_values_gradients_and_statistics_are_those_of_f64(case, slopes, threads, cores):
    cores(threads)
    agree(drawn(case, slopes), case)


@pytest.fixture
def called(monkeypatch) -> list[str]:
    """The functions in C that are called, by name."""
    names, call = [], native.call
    monkeypatch.setattr(native, "call", lambda name, *rest: (names.append(name), call(name, *rest)))
    return names


BOTH_WAYS = ["f2c_depthwise", "f2c_depthwise_back"]


def test_more_threads_than_images(called, way, cores):
    cores(5)
    agree(drawn(case := Case((3, 16, 9, 9), (3, 3), (1, 1), (1, 1))), case)
    assert called == (BOTH_WAYS if way == "in C" else [])


@pytest.mark.parametrize(("threads", "channels"), [(7, 16), (1, 15)])
def test_with_few_images_a_thread_and_with_few_channels_it_is_three_ops(called, threads, channels, cores):
    cores(threads)
    agree(drawn(case := Case((3, channels, 9, 9), (3, 3), (1, 1), (1, 1))), case)
    assert not set(BOTH_WAYS) & set(called)


def test_in_planes_it_is_three_ops():
    agree(drawn(layout=torch.contiguous_format), CASES[0])


def test_a_margin_wider_than_the_kernel_is_three_ops():
    case = Case((4, 6, 5, 5), (2, 2), (1, 1), (1, 1))
    agree(drawn(case), case)
    wider = case._replace(padding=(2, 2))
    agree(drawn(wider), wider)


@pytest.mark.parametrize(
    "absent",
    [
        ("weight",),
        ("bias_2",),
        ("weight", "bias", "weight_2", "bias_2"),
        ("slope",),
        ("slope_2",),
        ("slope", "slope_2"),
        ("mean", "variance"),
        RUNNING,
    ],
)
def test_parts_may_be_absent(absent):
    agree(drawn()._replace(**dict.fromkeys(absent)), CASES[0])


@pytest.mark.parametrize("name", LEARNT)
def test_only_what_is_asked_for_gets_a_gradient(name):
    agree(drawn(), CASES[0], (name,))


def test_without_history_nothing_is_recorded_and_statistics_move_all_the_same():
    given = drawn()
    wide = given.to(torch.float64)
    leaves(given)
    with torch.no_grad():
        y = ours(given, CASES[0])
    right = by_aten(wide, CASES[0])
    assert not y.requires_grad and torch.equal(y, ours(drawn(), CASES[0]))
    close(y, right)
    for name in RUNNING:
        close(getattr(given, name), getattr(wide, name))


def test_channels_without_scale_get_their_gradients():
    given = drawn()
    given.weight[2] = given.weight_2[3] = 0
    agree(given, CASES[0])


def test_a_channel_whose_values_hardly_differ_keeps_its_digits(way):
    """aten, which takes the mean from the product, is off by a thousandth."""
    if way != "in C":
        return
    case = Case((4, 16, 5, 5), (1, 1))
    given = drawn(case)
    x = 1000 + torch.linspace(-0.05, 0.05, 4 * 25).reshape(4, 1, 5, 5).repeat(1, 16, 1, 1)
    given = given._replace(x=x.contiguous(memory_format=torch.channels_last))
    close(ours(given, case), by_aten(given.to(torch.float64), case), 1e-2 / 30)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_what_is_not_finite_spoils_its_channel_and_no_other(bad):
    given = drawn()
    given.x[1, 2, 3, 4] = bad
    y = ours(given, CASES[0])
    spoiled = ~y.isfinite().all(3).all(2).all(0)
    assert spoiled.nonzero().flatten().tolist() == [2]
    assert not given.mean[2].isfinite() and given.mean[3].isfinite() and given.mean_2[3].isfinite()


def test_gradients_of_gradients_are_those_of_f64():
    case = Case((4, 16, 4, 4), (3, 3), (1, 1), (1, 1))
    given, found = drawn(case), []
    for dtype in (torch.float32, torch.float64):
        typed = given.to(dtype)
        by = leaves(typed)
        y = ours(typed, case)
        first = torch.autograd.grad(y, by, gradient_of(y).to(dtype), create_graph=True)
        found.append(torch.autograd.grad(sum((t**2).sum() for t in first), by))
    for narrow, wide in zip(*found, strict=True):
        close(narrow, wide, 1e-3)


def test_what_is_saved_is_unpacked_once():
    """As `torch.utils.checkpoint` asks for."""
    given, case = drawn(), CASES[0]
    by = leaves(given)
    found = checkpoint(lambda *given: ours(Given(*given), case), *given, use_reentrant=False)
    wanted = ours(given, case)
    g = gradient_of(wanted)
    for a, b in zip(torch.autograd.grad(found, by, g), torch.autograd.grad(wanted, by, g), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_an_image_smaller_than_the_kernel_is_refused_as_by_aten(stride):
    case = Case((4, 16, 5, 2), (5, 5), (stride, stride))
    with pytest.raises(RuntimeError, match="Kernel size can't be greater than actual input size"):
        ours(drawn(case), case)


@pytest.mark.parametrize("name", RUNNING)
def test_running_statistics_of_another_type_are_refused_as_by_aten(name):
    given = drawn()
    given = given._replace(**{name: getattr(given, name).double()})
    with pytest.raises(RuntimeError, match=r"[Ee]xpected"):
        ours(given, CASES[0])


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_types_are_atens(dtype):
    given = drawn().to(dtype)
    assert torch.equal(ours(given, CASES[0]), by_aten(given, CASES[0]))


def test_with_running_statistics_it_is_atens():
    given = drawn()
    assert torch.equal(ours(given, CASES[0], False), by_aten(given, CASES[0], False))


def test_several_threads_compute_at_the_same_time_as_one_by_one():
    """Branches do."""
    from concurrent.futures import ThreadPoolExecutor

    case = CASES[1]
    cases = [drawn(case) for _ in range(6)]
    for i, given in enumerate(cases):
        given.x.add_(i)

    def computed(given: Given) -> list[Tensor]:
        given = Given(*(t.detach().clone(memory_format=torch.preserve_format) for t in given))
        by = leaves(given)
        y = ours(given, case)
        return [y.detach(), *torch.autograd.grad(y, by, gradient_of(y))]

    one_by_one = [computed(given) for given in cases]
    with ThreadPoolExecutor(3) as pool:
        for found, wanted in zip(pool.map(computed, cases), one_by_one, strict=True):
            assert all(map(torch.equal, found, wanted))


def test_a_graph_computes_what_it_was_traced_from(way):
    """In C it is one op each way in the graph; what it writes to, it writes to when it runs."""
    case, given = CASES[1], drawn(CASES[1])
    g = gradient_of(by_aten(given, case))

    def step(*given_and_g):
        *all_given, g = given_and_g
        typed = Given(
            *(t.detach() if name in LEARNT else t for name, t in zip(Given._fields, all_given, strict=True))
        )
        by = leaves(typed)
        y = ours(typed, case)
        return y.detach(), *torch.autograd.grad(y, by, g)

    graph = make_fx(step, tracing_mode="fake")(*given, g)
    ops = {str(node.target) for node in graph.graph.nodes if "f2c" in str(node.target)}
    in_c = {"f2c.depthwise.default", "f2c.depthwise_back.default"}
    assert ops == (in_c if way == "in C" else set()), ops
    again = Given(*(t.clone(memory_format=torch.preserve_format) for t in given))
    found, wanted = graph(*given, g), step(*again, g)
    moved = [(getattr(given, name), getattr(again, name)) for name in RUNNING]
    for a, b in [*zip(found, wanted, strict=True), *moved]:
        assert torch.allclose(a, b, rtol=1e-5, atol=1e-5)
