"""A PostgreSQL server for machines without one: its binaries come with pip, its data live under LLM_PIPELINE_HOME."""
