"""Use cases, shared by HTTP and by activities; one transaction each."""
