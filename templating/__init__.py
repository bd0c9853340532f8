"""Templates: Liquid, Markdown and HTML, and the content of messages made from them."""
