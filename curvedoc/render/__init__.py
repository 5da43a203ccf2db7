"""What does each output look like? In every module `render(analysis)` gives its text, without a final newline."""
