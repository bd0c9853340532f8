"""Sources, as the Management API shows them."""
