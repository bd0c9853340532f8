"""What browsers ask about a customer's workspace: is it connected, and which channels has it."""
