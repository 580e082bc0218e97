"""What a server loads at its start is loaded once, by one thread.

A visitor's run that imports the same modules at the same time may see them half made: Python gives
up waiting where two threads would wait for each other. So a run waits until ``lock`` is free.
"""

from __future__ import annotations

from threading import Lock

lock = Lock()  # taken by the server while it loads
