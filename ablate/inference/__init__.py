"""What a table of runs allows one to say of its factors: cause, no cause, acts only with another, undecided.

A plain table in, plain numbers out; nothing here knows how the runs were made.
"""
