"""The index's migrations. A shipped one never changes: what is wrong with it, the next one mends."""
