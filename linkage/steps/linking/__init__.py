"""The parts of probabilistic linkage: clean, block, compare, weigh, decide."""
