"""From raw filings to normalised disclosures: readers per source, normalisation, provenance, ledger, store.

Nothing here imports dagster. Pure modules (amounts, vocabulary, names, tickers, dates, normalise,
provenance) import neither a database nor HTTP; `store` and `ledger` hold the SQL; `ingest` puts them
together."""
