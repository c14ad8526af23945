"""Hypothesis in these tests: the same examples in every run, each given the time that it takes; and torch on one core.

`pytest --hypothesis-profile=default` looks for others.
"""

import os

import pytest
from hypothesis import HealthCheck, settings

# Torch reads it when it is imported, here and in every process that a test starts. What tests compute is small, and two run at a
# time: a second thread would mostly wait, and take the other worker's core to do so.
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile(
    "same",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
settings.load_profile("same")


@pytest.fixture(params=["in C", "without a compiler"])
def way(request, monkeypatch):
    """Both ways to normalise; that in C is there wherever pip found a compiler, as it does where tests run."""
    from f2c_host.kernels import batch_norm, native

    monkeypatch.setattr(native, "A_THREAD", 1)
    if request.param == "in C":
        assert native.library() is not None, "not built; f2c-dsl setup --test builds it, given a C compiler"
    else:
        monkeypatch.setattr(batch_norm, "library", lambda: None)
    return request.param


@pytest.fixture
def cores():
    """Sets how many cores torch computes on, until the test ends."""
    import torch

    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)
