"""What ``python -m tape_ad`` runs: a small graph, a network that learns to read digits, and a check of its gradient.

`textbook` is the graph, `digits` the data, the network and its training, `check` the comparison with central
differences, and `main` what is printed.
"""
