"""From placed operations to one module: weights, memory, kernel calls, entry points."""
