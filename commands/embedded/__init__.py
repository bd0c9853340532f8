"""Real parts that `carillon dev` and the tests start by themselves."""
