"""`python -m benchmarks`: every benchmark, one after the other."""

from __future__ import annotations

from benchmarks import anomalies, feedback, jobs, lineage, stored_detection, validation

for benchmark in (validation, lineage, jobs, anomalies, stored_detection, feedback):
    benchmark.main()
    print()
