"""What is asked for, and when: local days and hours, plans of cycles and backfills, watermarks. Pure."""
