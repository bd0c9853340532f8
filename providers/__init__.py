"""One file per vendor behind one protocol."""
