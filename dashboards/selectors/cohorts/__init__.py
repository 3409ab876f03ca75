"""Cohorts as pages show them: asked within a scope, published in the viewer's class."""
