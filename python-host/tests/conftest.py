"""Hypothesis in these tests: the same examples in every run, each given the time that it takes; and a fixture of several files.

`pytest --hypothesis-profile=default` looks for others.
"""

import pytest
import torch
from hypothesis import HealthCheck, settings

settings.register_profile(
    "same",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
settings.load_profile("same")


@pytest.fixture(scope="module")
def one_thread():
    """Products this small wait longer for other threads, where others compute too, than they take."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
