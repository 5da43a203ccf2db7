"""curvedoc, the training-curve doctor: reads training logs and says what is wrong, how sure it is, and what to change."""

__version__ = "0.1.0"
