"""Government trading disclosures to validated records, every model answer checked against computed facts."""
