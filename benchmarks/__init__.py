"""Benchmarks: what the pipeline costs beside a floor measured in the same run. Not part of the package."""
