"""Whether a program holds the constraints of docs/ir.md, before anything is made of it."""
