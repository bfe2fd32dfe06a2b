"""Benchmarks: each module measures one promise of ``docs/performance.md``, mostly as a ratio."""
