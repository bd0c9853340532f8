"""What is authored: workflows and layouts, drafts, commits, and what is published."""
