"""What is known about Congress, its calendar, sectors, prices and trading days.

Belongs here: readers of published reference files, their tables, and questions "as of a date". Knows nothing of
disclosures, models or Dagster.
"""
