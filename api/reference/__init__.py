"""OpenAPI documents and the pages made from them."""
