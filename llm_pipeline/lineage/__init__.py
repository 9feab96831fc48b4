"""Is what is stored what was read? Verification of provenance without a model, and reports about it with one.

`chain`, `row`, `account` and `verify` are the rules; `store` reads, `service` puts them together. `trust` says what a
finding is worth, `reports` asks a model and `due` finds what nobody has reported on yet.
"""
