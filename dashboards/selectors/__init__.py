"""Reads for pages: the viewer first, published values out."""
