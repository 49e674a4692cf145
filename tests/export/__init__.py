"""Needs PyTorch and optimum: run by `make export-test`, in an environment of its own."""
