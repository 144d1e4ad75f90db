"""What settings are made of: kinds of values, and the places where they are set; config.py has the settings."""
