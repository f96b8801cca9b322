"""PyTorch and the libraries of models that are built on it."""
