"""What recipients are made of, as the Management API shows it."""
