"""One module per aggregate; async functions `(connection, environment_id, …)` that run SQL."""
