"""Recovery kits of others, as they are shipped below share/kits, on the real thing."""
