"""HTTP to addresses that customers choose: egress rules, bounded calls, redaction."""
