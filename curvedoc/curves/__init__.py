"""Arrays in, arrays out: pooling, smoothing, trends, extrapolation. No Run, no role, no text."""
