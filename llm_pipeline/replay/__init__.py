"""Asking again: a stored request byte for byte, or the evidence of past calls with another model or prompt.

What is written here are audit rows, artifacts and comparisons; no production table is touched. Also here: whether the
lake still holds what the database says it does, because replay stands on it.
"""
