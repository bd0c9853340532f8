"""Measures the product against a floor on the same fresh stack, in turns (`make bench`).

The floor is the same Temporal server and the same number of worker processes, completing a
workflow with one empty local activity (`floor`), or one empty local and one empty regular activity
(`floor+1`). Ratios hold on noisy machines where absolute figures do not.
"""
