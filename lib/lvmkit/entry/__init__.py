"""The argument contract of the action and administration scripts."""
