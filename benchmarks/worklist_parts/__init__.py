"""Parts of the worklist benchmark that run in processes of their own."""
