"""One module for each command: parse, call one workflow, show its result."""
