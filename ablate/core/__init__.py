"""Foundations that every room uses: errors, seeds, array shapes, the base class of specs, and plain values."""
