"""A PostgreSQL server for machines without one: binaries from pip, data under LLM_PIPELINE_HOME."""
