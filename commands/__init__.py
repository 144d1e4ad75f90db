"""The commands of main.py, one file each, and what they share: sessions, help texts, exit codes, the summary."""
