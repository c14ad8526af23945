"""Hypothesis in these tests: the same examples in every run, each given the time that it takes.

`pytest --hypothesis-profile=default` looks for others.
"""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "same",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
settings.load_profile("same")
