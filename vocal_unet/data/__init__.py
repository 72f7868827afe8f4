"""Where songs come from and how they become training batches."""
