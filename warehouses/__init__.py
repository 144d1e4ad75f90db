"""Where calls go to: one module per warehouse, and the SQL of a commit. All SQL of the project lives here."""
