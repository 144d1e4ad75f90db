"""The credentials table: what each row means, where its URL points to, and how a CSV file becomes rows."""
