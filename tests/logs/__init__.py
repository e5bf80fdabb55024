"""Records as Simple Log Service (SLS) would hold them: its index, and its queries on DuckDB."""
