"""What became of the signals: outcomes against prices, and scorecards of classifications, prompts and models.

Pure modules (outcomes, scoring, random signals, statistics) know neither Dagster nor the database; `store.py`
holds the SQL; `service.py` is what the assets call.
"""
