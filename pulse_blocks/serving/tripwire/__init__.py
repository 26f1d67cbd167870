"""The runtime's own look at drift: sketches of what it is asked, held against the reference in the serving bundle.

Nothing here is on the way of a reply, and nothing is decided: a suspicion makes a drift check look at once. Importing
this package loads no NumPy; only the thread of ``watching`` does, once a model that has a reference was asked.
"""
