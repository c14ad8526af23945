"""Ops of our own for torch, `torch.ops.f2c`: what the registry has and aten lacks, and what aten computes slowly on CPUs. A file
an op, and one a way to compute it."""
