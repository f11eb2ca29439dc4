"""The click commands and how results are shown."""
