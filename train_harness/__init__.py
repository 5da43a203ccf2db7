"""The laboratory of curvedoc: real networks, planted faults, recorded logs."""
