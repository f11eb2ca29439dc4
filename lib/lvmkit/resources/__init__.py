"""What the kit does with each type of resource: one module for each, with the same verbs.

restore, remove, give_up (another server takes it), check, deep_check and release (the protection ends). They take facts
and a Host, so that action scripts, OCF agents, `lvmkit check` and recovery call the same function and get the same
answer. dispatch.py finds the module of an instance. Nothing here knows an engine or who calls.

Checks are on the path of every monitor: what only a start or a stop needs is imported where it is used.
"""
