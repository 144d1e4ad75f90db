"""What the sub-commands do; main.py holds their names and options."""
