"""Reading Parquet."""
