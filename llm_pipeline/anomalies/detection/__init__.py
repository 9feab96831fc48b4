"""What is unusual in trades, as of a date: baselines, seven tests of every filer, false-discovery control. Pure.

Belongs here: statistics on columns of trades. Nothing here knows of a database, a model or Dagster.
"""
