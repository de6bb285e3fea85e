"""How long tasks take, what they send and how much memory they need: `python -m tests.benchmarks`. No tests."""
