"""The forms that filters are written in besides Python."""
