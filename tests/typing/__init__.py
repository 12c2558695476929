"""Programs for the type checkers, as users write them; `tests.test_typing` says how they are read."""
