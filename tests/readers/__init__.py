"""Files as trainers write them, read back."""
