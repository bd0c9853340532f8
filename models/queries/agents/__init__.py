"""SQL over the settings of language models."""
