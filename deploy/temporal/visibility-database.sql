-- Temporal keeps its searchable index apart from its histories.
CREATE DATABASE temporal_visibility;
