"""torch 2.11: Dynamo does not trace that a tensor begins to take gradients, as the images do whose derivatives a loss is made
of. Such a function is computed uncompiled."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch

from . import every_line
from .every_line import (
    compiled_for,
    compiled_graph,
    compute_as_declared,
    configure_executor,
    keep_in_place,
    loaded_graph,
    references_without_dynamo,
    script_function,
    script_module,
)

__all__ = [
    "compiled_for",
    "compiled_graph",
    "compute_as_declared",
    "configure_executor",
    "keep_in_place",
    "loaded_graph",
    "references_without_dynamo",
    "script_function",
    "script_module",
    "whole_graph",
]

_log = logging.getLogger(__name__)


def whole_graph(function: Callable[..., list[torch.Tensor]]) -> Callable[..., list[torch.Tensor]]:
    """As in every line, until Dynamo refuses: from then on the function as it is. It refuses before anything is computed, so
    that nothing was written yet."""
    runs = every_line.whole_graph(function)

    def step(*arguments: Any) -> list[torch.Tensor]:
        nonlocal runs
        try:
            return runs(*arguments)
        except Exception as error:
            if "Unsupported Tensor.requires_grad_() call" not in str(error):
                raise
        _log.warning(
            'the backend "inductor" computes as "eager" does, uncompiled: torch %s cannot compile derivatives by what takes '
            "no gradient; 2.13 and later can",
            torch.__version__,
        )
        runs = function
        return runs(*arguments)

    return step
