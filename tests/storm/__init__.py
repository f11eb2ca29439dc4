"""Random actions on two real guests that are a cluster, watched from outside. See README.md beside this file."""
