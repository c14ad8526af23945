"""From verified IR to something that runs: one visitor, and a builder for each backend."""
