"""Unusual trading, as of any date: from validated trades to signals that evidence bears out.

Belongs here: reading trades, storing candidates, asking a model about them, checking what it says, showing it. The
statistics that find them are in `detection`.
"""
