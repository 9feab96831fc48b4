"""Connections, migrations and bulk transfer. Knows no table of the trade."""
