"""What Muster costs: scripts that anyone can run; their figures are in docs/benchmarks.md."""
