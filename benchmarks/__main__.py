"""`python -m benchmarks`: every benchmark, one after the other."""

from __future__ import annotations

from benchmarks import feedback, validation

validation.main()
print()
feedback.main()
