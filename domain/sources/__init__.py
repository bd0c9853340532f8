"""Sources: who sends events to us, and what follows from them."""
