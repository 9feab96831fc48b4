"""Synthetic filings in the sources' raw formats: for the demo, for tests that must know the right answer, for
load.

People and identifiers are invented (bioguide ids begin with X9), companies are real public ones, trades never
happened. Everything follows from a seed and the dates passed in: the same arguments give the same bytes.
"""
