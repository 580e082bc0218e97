"""Participants that are programs: they use the real page, as a browser does.

    Manner, Crowd       how they behave, how many come and when
    drive               lets them take part; the journals of what they sent
    compare             what they sent beside what is stored and what is exported
    Server              the application as a process that can be killed

Nothing else of the package needs this one. Only ``wire`` knows Streamlit's messages.
"""

from xai_core.study.bots.comparing import Comparison, compare, participants_of
from xai_core.study.bots.crowd import Crowd, drive
from xai_core.study.bots.journal import Journal
from xai_core.study.bots.participant import Manner
from xai_core.study.bots.server import Server

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
