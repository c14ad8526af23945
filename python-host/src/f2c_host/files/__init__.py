"""Files that are whole or absent, that carry their hash, or that lie where only their user can write."""
