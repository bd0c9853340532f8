"""What starts processes: the command line, workers, development stack, seed, demo."""
