"""The logs that people have in hand when they ask about a curve, by what they ask; each is made anew from a seed.

Every function writes what its asker's trainer writes (format, cadence, columns, noise) below a folder and returns the
path that the asker would hand over.
"""
