"""What recipients want to be told of, and by which channels (Knock docs: "Preferences")."""
