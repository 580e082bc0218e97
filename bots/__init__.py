"""Participants that are programs: they use the real page, as a browser does.

    Manner, Crowd       how they behave, how many come and when
    drive               lets them take part; the journals of what they sent
    compare             what they sent beside what is stored and what is exported
    Server              the application as a process that can be killed

A tool beside the package, which does not need it; ``python -m xai_core study bots`` starts it.
Only ``wire`` knows Streamlit's messages.
"""

from bots.bot import Manner
from bots.comparing import Comparison, compare, participants_of
from bots.crowd import Crowd, drive
from bots.journal import Journal
from bots.server import Server

__all__ = [
    "Comparison",
    "Crowd",
    "Journal",
    "Manner",
    "Server",
    "compare",
    "drive",
    "participants_of",
]
