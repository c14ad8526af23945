"""Steps whose metrics come late, as on a GPU: nothing waits for them before it must."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from f2c_host.data.prefetch import Prefetcher
from f2c_host.errors import HostError
from f2c_host.ir.module import Input, Result, Type, Value
from f2c_host.ir.module import Source as InputSource
from f2c_host.run.executor import PLANS_IN_FLIGHT, Plan, PlanExecutor, PlanFailed


class Gradient:
    """A source whose image i is filled with i."""

    shape = (1, 1, 1)

    def __len__(self) -> int:
        return 256

    def read(self, indices: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.asarray(indices).astype(np.uint8)).reshape(-1, 1, 1, 1)


class Event:
    """A CUDA event that passes when it is told to, or waited for."""

    def __init__(self) -> None:
        self.passed = False

    def record(self) -> None:
        pass

    def query(self) -> bool:
        return self.passed

    def synchronize(self) -> None:
        self.passed = True

    def elapsed_time(self, later: Event) -> float:
        return 250.0 if later.passed else -1.0


class LateExecutor(PlanExecutor):
    """One that believes to be on a GPU."""

    def _event(self) -> Event:
        return Event()


def argument(id: int, name: str, type: Type, source: InputSource) -> Input:
    return Input(Value(id, name, type), source)


class Brightest:
    """A program whose loss is the brightest pixel times `gain`; its rows, the pixels."""

    device = torch.device("cpu")
    draws = frozenset[str]()
    module = SimpleNamespace(
        functions=[
            SimpleNamespace(
                name="step",
                inputs=(
                    argument(0, "x.images", Type("tensor", ("B", 1, 1, 1), "u8"), InputSource("images", "x")),
                    argument(1, "gain", Type("scalar", scalar="f64"), InputSource("plan")),
                    argument(2, "count", Type("scalar", scalar="i64"), InputSource("plan")),
                    argument(3, "mask", Type("tensor", ("B",), "bool"), InputSource("plan")),
                ),
                results=(
                    Result("loss", Type("tensor", (), "f32")),
                    Result("rows", Type("tensor", ("B",), "f32")),
                ),
            )
        ]
    )

    def __init__(self) -> None:
        self.inputs: list[dict] = []

    def arguments(self, function: str, inputs: dict) -> list:
        self.inputs.append(inputs)
        return [*inputs.values()]

    def call(self, function: str, arguments: list) -> dict[str, torch.Tensor]:
        images, gain, *_ = arguments
        return {"loss": images.max() * gain, "rows": images.reshape(-1).float()}


@pytest.fixture
def executor():
    prefetcher = Prefetcher(1, 2)
    yield LateExecutor(Brightest(), prefetcher)
    prefetcher.close()


def plan(number: int, **scalars: float) -> Plan:
    arrays = {"x.images": np.array([number, 0], np.int32), "mask": np.array([True, False])}
    return Plan(
        "p", "step", number, {"x": "train"}, {"gain": 1, "count": 2, **scalars}, arrays, finite=("loss",)
    )


def run(executor: PlanExecutor, steps: range, **scalars: float) -> None:
    for step in steps:
        executor.run(plan(step, **scalars), {"train": Gradient()})


def test_no_report_is_waited_for_until_eight_steps_are_in_flight(executor):
    run(executor, range(PLANS_IN_FLIGHT))
    assert list(executor.finished()) == [] and executor.in_flight
    run(executor, range(PLANS_IN_FLIGHT, PLANS_IN_FLIGHT + 1))
    (oldest,) = executor.finished()
    assert (oldest.number, oldest.metrics, oldest.seconds) == (0, {"loss": 0.0}, 0.25)


def test_waiting_reports_every_step_in_order(executor):
    run(executor, range(5))
    assert [report.metrics["loss"] for report in executor.finished(wait=True)] == [0, 1, 2, 3, 4]
    assert not executor.in_flight


def test_a_loss_found_late_to_be_infinite_fails_its_step_and_forgets_the_later_ones(executor):
    run(executor, range(1, 3))
    run(executor, range(3, 5), gain=float("inf"))
    reports = executor.finished(wait=True)
    assert [next(iter(reports)).number, next(iter(reports)).number] == [1, 2]
    with pytest.raises(PlanFailed) as failed:
        next(iter(reports))
    assert failed.value.number == 3 and failed.value.cause.code == "F2C6301"
    assert not executor.in_flight


@pytest.mark.parametrize(("raises", "wait"), [("query", False), ("synchronize", True)])
def test_a_device_that_fails_late_fails_the_step_and_forgets_the_later_ones(
    executor, monkeypatch, raises, wait
):
    def fail(_event: Event) -> None:
        raise RuntimeError("CUDA error: device-side assert triggered")

    run(executor, range(3))
    monkeypatch.setattr(Event, raises, fail)
    with pytest.raises(PlanFailed) as failed:
        list(executor.finished(wait))
    assert failed.value.number == 0 and "device-side assert" in str(failed.value.cause)
    assert not executor.in_flight


def test_an_interruption_while_waiting_stays_one(executor, monkeypatch):
    def interrupt(_event: Event) -> None:
        raise KeyboardInterrupt

    run(executor, range(1))
    monkeypatch.setattr(Event, "synchronize", interrupt)
    with pytest.raises(KeyboardInterrupt):
        list(executor.finished(wait=True))


def test_arguments_that_misfit_fail_the_plan_before_its_step_begins(executor):
    def refuse(*_: object) -> None:
        raise HostError("F2C5203", "another shape")

    executor.program.arguments = refuse
    with pytest.raises(HostError):
        run(executor, range(1))
    assert not executor.in_flight


def test_two_inputs_of_one_stream_see_the_same_images(executor):
    (step,) = executor.program.module.functions
    images = step.inputs[0]
    again = argument(4, "x.again", images.type, images.source)
    executor._functions["step"] = SimpleNamespace(
        name="step", inputs=(*step.inputs, again), results=step.results
    )
    run(executor, range(3, 4))
    (inputs,) = executor.program.inputs
    assert inputs["x.images"].max() == 3 and torch.equal(inputs["x.again"], inputs["x.images"])


def test_numbers_take_the_type_of_the_function_not_of_the_wire(executor):
    run(executor, range(1), gain=1, count=2.0)
    (inputs,) = executor.program.inputs
    assert (type(inputs["gain"]), type(inputs["count"])) == (float, int)
    assert inputs["mask"].dtype == torch.bool


@pytest.mark.parametrize(
    "changes, complaint",
    [
        ({"scalars": {"gain": 1, "count": 2.5}}, "`count` is 2.5, the function takes a whole number"),
        ({"scalars": {"gain": 1}}, "the scalar `count` is missing"),
        ({"arrays": {}}, "`x.images` is missing"),
        ({"streams": {}}, "`streams` names no source for `x`"),
        ({"streams": {"x": "test"}}, r"no source is called `test` \(open: train\)"),
        ({"function": "dream"}, "there is no function `dream`; it has step"),
        ({"returns": ("columns",)}, "`step` returns no `columns`; it returns loss, rows"),
        ({"returns": ("loss",)}, "`loss` is a number, which is reported without being asked for"),
        ({"finite": ("gain",)}, "`step` returns no `gain`"),
        ({"arrays": {"x.images": np.zeros(2)}}, r"`x.images` is f64 \[2\]; it is i32 \[n\]"),
        (
            {"arrays": {"x.images": np.zeros(2, np.int32), "mask": np.zeros(2)}},
            r"`mask` is f64, the function takes bool\[B\]",
        ),
    ],
)
def test_a_plan_that_does_not_fit_says_where(executor, changes, complaint):
    whole = plan(0)
    broken = replace(whole, **changes)
    with pytest.raises(HostError, match=complaint):
        executor.run(broken, {"train": Gradient()})


def test_a_metric_that_is_not_one_number_fails_the_plan_before_it_begins(executor):
    with pytest.raises(HostError) as failed:
        executor.run(replace(plan(0), finite=("rows",)), {"train": Gradient()})
    assert failed.value.code == "F2C6312" and "f32[B]" in failed.value.message
    assert not executor.in_flight


def test_tensors_come_back_if_the_plan_asks_and_are_what_they_were_when_it_ran(executor):
    executor.run(replace(plan(3), returns=("rows",)), {"train": Gradient()})
    executor.run(plan(4), {"train": Gradient()})
    asked, other = executor.finished(wait=True)
    assert asked.results["rows"].tolist() == [3, 0] and asked.results["rows"].dtype == np.float32
    assert other.results == {}


def test_a_result_that_is_a_storage_is_copied_before_the_next_plan_writes_to_it(executor):
    storage = torch.zeros(2)
    executor.program.call = lambda function, arguments: {"loss": torch.zeros(()), "rows": storage.add_(1)}
    for number in range(2):
        executor.run(replace(plan(number), returns=("rows",)), {"train": Gradient()})
    assert [report.results["rows"].tolist() for report in executor.finished(wait=True)] == [[1, 1], [2, 2]]
