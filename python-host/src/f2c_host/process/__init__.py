"""This process among others: when it lives and dies, how its threads wait, whose its memory is."""
