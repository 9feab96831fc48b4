"""Unusual trading, as of any date: baselines, evidence, false-discovery control, candidates.

Belongs here: the statistics. Pure modules; what reads or writes a database is in `store.py`.
"""
