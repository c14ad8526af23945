"""A verified program with its state, and what is done with it: plans, embeddings, checkpoints."""
