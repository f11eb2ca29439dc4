"""One module for each verb the user knows."""
