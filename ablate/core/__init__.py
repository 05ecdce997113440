"""Words of the code that every room uses: errors, seeds, arrays, sizes."""
