"""How events reach the runs that wait for them."""
