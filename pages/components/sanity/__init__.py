"""The parts of the page for sanity checks."""
