"""The command line, one module per command; ``python -m xai_core`` puts them together.

What needs torch is imported when a command runs, so that ``--help`` answers at once.
"""
