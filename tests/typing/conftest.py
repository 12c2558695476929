"""Keep pytest's search for doctests out of here: importing a snippet may declare ops, which stay in the table."""

collect_ignore_glob = ["*.py"]
