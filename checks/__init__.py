"""The checks behind `main.py check`: machine, warehouse, and every client of every dialer."""
