"""What preferences refer to, and where recipients set them, as the Management API shows it."""
