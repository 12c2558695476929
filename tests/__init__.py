"""The tests of tape_ad: laws over the op table, strategies that draw programs, and a run that mutates every rule."""
