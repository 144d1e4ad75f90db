"""The BigQuery warehouse: tables in BigQuery."""
