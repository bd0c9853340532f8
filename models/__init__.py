"""Tables, and the queries over them."""
