"""What a fresh installation is given: environments, channels, keys, sample workflows."""
