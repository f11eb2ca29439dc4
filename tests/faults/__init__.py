"""The fault table: what the kit and its peer say and do when storage breaks, each fault made in a real guest."""
