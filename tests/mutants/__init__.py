"""Do the unit tests notice when the code is wrong? Mutants: small faults put into a copy of it, one at a time."""
