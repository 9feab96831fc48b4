"""`python -m benchmarks`: every benchmark, one after the other."""

from __future__ import annotations

from benchmarks import jobs, validation

validation.main()
jobs.main()
from benchmarks import feedback, validation

validation.main()
print()
feedback.main()
from benchmarks import lineage, validation

validation.main()
lineage.main()
