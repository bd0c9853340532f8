"""Tables (`models.tables` imports them all), and the queries over them."""
