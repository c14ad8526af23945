"""The host's threads wait as the user says, and else only shortly."""

from __future__ import annotations

import pytest

from f2c_host.process.waiting import wait_awake_only_shortly


def test_threads_wait_awake_only_shortly():
    environment: dict[str, str] = {"OMP_NUM_THREADS": "2"}
    wait_awake_only_shortly(environment)
    assert environment == {"OMP_NUM_THREADS": "2", "GOMP_SPINCOUNT": "1000"}


@pytest.mark.parametrize("name", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"])
def test_what_a_user_has_decided_stays(name):
    environment = {name: "theirs"}
    wait_awake_only_shortly(environment)
    assert environment == {name: "theirs"}
