"""`python -m benchmarks`: every benchmark, one after the other."""

from __future__ import annotations

from benchmarks import feedback, jobs, lineage, validation

for benchmark in (validation, lineage, jobs, feedback):
    benchmark.main()
    print()
from benchmarks import anomalies, validation

validation.main()
anomalies.main()
