"""The checks of scripts/check-c, by what they look at."""
