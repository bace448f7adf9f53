"""Tests mirror the source; `contract.py` and the fakes are shared, `bench/` and `browser/` are run by name."""
