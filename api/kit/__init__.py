"""What every route uses, and no resource: authentication, bodies, errors, pages, limits."""
