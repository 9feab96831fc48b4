"""Validation of disclosures: facts by code, judgement by a model, verdict by merging both.

Belongs here: the pure rules (record, facts and their steps, contract, verdict, evaluate) and, apart from
them, the store and the use case. The pure modules import neither a database, nor HTTP, nor Dagster.
"""
