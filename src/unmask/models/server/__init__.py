"""Servers of the V2 inference protocol (KServe, Triton)."""
