"""Windows in which items are gathered, and what is stored of them."""
