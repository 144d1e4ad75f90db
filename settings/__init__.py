"""The parts of a setting: declaration, kind of value, and the layers that set it. config.py declares them all."""
