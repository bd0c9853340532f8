"""What each channel type is: one file per type, and the table of all of them in `kinds.py`."""
