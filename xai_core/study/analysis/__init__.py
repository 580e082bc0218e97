"""What the answers say: votes, cases, intervals, tests, agreement, and files of all of it."""
