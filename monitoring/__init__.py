"""The state of the clients, read from the warehouse through database.py. It never writes."""
