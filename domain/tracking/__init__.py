"""What is told to us of links that are followed, and of e-mails that are opened."""
