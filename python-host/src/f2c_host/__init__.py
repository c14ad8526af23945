"""Executes f2c-dsl programs: verifies the IR, lowers it to TorchScript, runs plans. Knows no method."""

__version__ = "0.1.0"
