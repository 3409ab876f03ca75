"""What the benchmarks are compared with, run beside them."""
