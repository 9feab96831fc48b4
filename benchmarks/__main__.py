"""`python -m benchmarks`: every benchmark, one after the other."""

from __future__ import annotations

from benchmarks import anomalies, feedback, jobs, lineage, validation

for benchmark in (validation, lineage, jobs, anomalies, feedback):
    benchmark.main()
    print()
