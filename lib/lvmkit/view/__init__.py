"""The answers of the kit as plain facts for JSON, each beside its JSON Schema, and the verdicts that they hold.

The command line prints them; a page or metrics read the same. Nothing here asks the engine, the kernel or LVM.
"""
