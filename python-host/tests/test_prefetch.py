"""Reading ahead: order, bounds, errors, and letting go."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from f2c_host.data.prefetch import Prefetcher
from f2c_host.errors import HostError

PATIENCE = 20.0


class Scripted:
    """Gives an image whose pixels are its index; index 13 is broken; reading waits while `gate` is shut."""

    shape = (1, 2, 2)

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.begun: list[int] = []
        self.readers: set[str] = set()
        self.cores: set[int] = set()
        self.reading = threading.Semaphore(0)

    def __len__(self) -> int:
        return 100

    def read(self, indices: np.ndarray) -> torch.Tensor:
        self.begun.append(int(indices[0]))
        self.readers.add(threading.current_thread().name)
        self.cores.add(torch.get_num_threads())
        self.reading.release()
        assert self.gate.wait(PATIENCE)
        if 13 in indices:
            raise HostError("F2C6104", "image 13.png cannot be decoded", hint="replace it")
        return torch.from_numpy(indices.astype(np.uint8))[:, None, None, None].expand(-1, 1, 2, 2)


@pytest.fixture
def source():
    return Scripted()


def prefetcher(request, threads: int, depth: int) -> Prefetcher:
    made = Prefetcher(threads, depth)
    request.addfinalizer(made.close)
    return made


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_every_batch_is_taken_under_its_key(request, source, threads):
    ahead = prefetcher(request, threads, 4)
    for step in range(20):
        ahead.submit(step, source, np.array([step + 20, step + 50]))
    for step in range(20):
        images = ahead.take(step)
        assert images[:, 0, 0, 0].tolist() == [step + 20, step + 50]
        assert images.is_contiguous()
        assert images.dtype == torch.uint8


def test_batches_may_be_taken_in_any_order_with_a_depth_of_one(request, source):
    ahead = prefetcher(request, 1, 1)
    for step in range(6):
        ahead.submit(("x", step), source, np.array([step]))
    assert [ahead.take(("x", step)).flatten()[0].item() for step in (5, 0, 3, 4, 1, 2)] == [5, 0, 3, 4, 1, 2]


def test_no_more_than_depth_batches_are_read_ahead(request, source):
    ahead = prefetcher(request, 4, 2)
    for step in range(6):
        ahead.submit(step, source, np.array([step]))
    for _ in range(2):
        assert source.reading.acquire(timeout=PATIENCE)
    # The readers would begin a third within this time if they were allowed to.
    assert not source.reading.acquire(timeout=0.1)
    assert sorted(source.begun) == [0, 1]
    ahead.take(0)
    assert source.reading.acquire(timeout=PATIENCE)
    assert sorted(source.begun) == [0, 1, 2]


def test_reading_happens_in_the_threads_and_not_in_the_callers(request, source):
    ahead = prefetcher(request, 2, 4)
    ahead.submit("a", source, np.array([1]))
    assert source.reading.acquire(timeout=PATIENCE)
    ahead.take("a")
    assert all(name.startswith("prefetch-") for name in source.readers)


def test_readers_compute_on_one_core_each_and_all_others_as_before(request, source, cores):
    cores(2)
    ahead = prefetcher(request, 3, 6)
    for key in range(6):
        ahead.submit(key, source, np.array([key]))
        assert source.reading.acquire(timeout=PATIENCE)
    assert source.cores == {1}
    later: list[int] = []
    newcomer = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    newcomer.start()
    newcomer.join()
    assert [torch.get_num_threads(), *later] == [2, 2]


def test_without_threads_the_caller_reads(request, source):
    ahead = prefetcher(request, 0, 1)
    ahead.submit("a", source, np.array([1]))
    assert source.begun == []
    ahead.take("a")
    assert source.readers == {threading.current_thread().name}


@pytest.mark.parametrize("threads", [0, 2])
def test_a_broken_image_is_raised_where_its_batch_is_taken_and_nowhere_else(request, source, threads):
    ahead = prefetcher(request, threads, 4)
    for step in (12, 13, 14):
        ahead.submit(step, source, np.array([step]))
    assert ahead.take(12).flatten()[0] == 12
    with pytest.raises(HostError, match=r"13\.png") as caught:
        ahead.take(13)
    assert caught.value.code == "F2C6104"
    assert ahead.take(14).flatten()[0] == 14


def test_changing_the_submitted_indices_later_changes_nothing(request, source):
    ahead = prefetcher(request, 0, 1)
    indices = np.array([4])
    ahead.submit("a", source, indices)
    indices[0] = 9
    assert ahead.take("a").flatten()[0] == 4


def test_forgotten_batches_make_room_and_their_keys_are_free(request, source):
    ahead = prefetcher(request, 2, 2)
    source.gate.clear()
    for step in range(5):
        ahead.submit(step, source, np.array([step]))
    for _ in range(2):
        assert source.reading.acquire(timeout=PATIENCE)
    ahead.forget_all()
    for step in range(5):
        ahead.submit(step, source, np.array([step + 50]))
    source.gate.set()
    assert [ahead.take(step).flatten()[0].item() for step in range(5)] == [50, 51, 52, 53, 54]
    assert set(source.begun) & {2, 3, 4} == set()


def test_forgetting_finished_batches_lets_the_readers_go_on(request, source):
    ahead = prefetcher(request, 1, 1)
    ahead.submit("old", source, np.array([1]))
    assert source.reading.acquire(timeout=PATIENCE)
    ahead.forget_all()
    ahead.submit("new", source, np.array([2]))
    assert source.reading.acquire(timeout=PATIENCE)
    assert ahead.take("new").flatten()[0] == 2


def test_a_waiting_caller_is_told_that_its_batch_was_forgotten(request, source, monkeypatch):
    ahead = prefetcher(request, 1, 1)
    source.gate.clear()
    ahead.submit("a", source, np.array([1]))
    assert source.reading.acquire(timeout=PATIENCE)
    said = []
    waiting = threading.Event()
    wait_for = ahead._changed.wait_for
    # Set while the lock is held: whoever takes the lock next finds the caller waiting.
    monkeypatch.setattr(ahead._changed, "wait_for", lambda ready: (waiting.set(), wait_for(ready)))

    def wait() -> None:
        try:
            ahead.take("a")
        except HostError as error:
            said.append(error.message)

    waiter = threading.Thread(target=wait)
    waiter.start()
    assert waiting.wait(PATIENCE)
    ahead.forget_all()
    waiter.join(PATIENCE)
    source.gate.set()
    assert said == ["internal: batch 'a' was forgotten while it was waited for"]


def test_closing_ends_the_threads(source):
    before = threading.active_count()
    ahead = Prefetcher(3, 2)
    for step in range(6):
        ahead.submit(step, source, np.array([step]))
    ahead.close()
    assert threading.active_count() == before
    with pytest.raises(HostError, match="closed"):
        ahead.submit("late", source, np.array([1]))


def test_taking_or_submitting_out_of_turn_is_our_own_fault(request, source):
    ahead = prefetcher(request, 0, 1)
    with pytest.raises(HostError, match="never submitted") as caught:
        ahead.take("a")
    assert caught.value.kind == "fault"
    ahead.submit("a", source, np.array([1]))
    with pytest.raises(HostError, match="submitted twice"):
        ahead.submit("a", source, np.array([1]))
    ahead.take("a")
    with pytest.raises(HostError, match="taken already"):
        ahead.take("a")


@pytest.mark.parametrize(("threads", "depth"), [(-1, 1), (1, 0)])
def test_a_prefetcher_needs_sensible_bounds(threads, depth):
    with pytest.raises(ValueError, match="needs threads >= 0 and depth >= 1"):
        Prefetcher(threads, depth)


def test_threads_that_cannot_start_are_an_error_and_no_wait_for_ever(monkeypatch):
    def refused() -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("f2c_host.data.prefetch.compute_on_one_core", refused)
    with pytest.raises(
        HostError, match="F2C6606: the 3 threads that read images could not be started"
    ) as told:
        Prefetcher(3, 2)
    assert told.value.kind == "resource" and "ulimit" in told.value.hint
    assert not [t for t in threading.enumerate() if t.name.startswith("prefetch-")]
