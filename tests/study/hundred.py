"""``python -m tests.study.hundred URL FULL|OFF``: one hundred answers between two marks."""

import os
import sys

from sqlalchemy import event

from tests.study.small import TIMES, begin, design, publish
from xai_core.study import TakingPart, Ticket, open_store

ANSWERS = 100
MARK = b"-- mark --\n"


def main(url, synchronous):
    """Publish a study, and answer it to the end."""
    store = open_store(url)
    store.close_all()

    @event.listens_for(store.database.engine, "connect")
    def loosen(connection, _record):
        connection.execute(f"PRAGMA synchronous={synchronous}").close()

    part = TakingPart(store)
    plan = design(ANSWERS, practice=0, catches=0, background=())
    me, screen = begin(part, Ticket(publish(store, plan)))
    os.write(1, MARK)
    while screen.kind == "trial":
        screen = part.answer(me, screen.trial.id, "A", str(screen.trial.id), TIMES)
    os.write(1, MARK)
    store.close_all()


if __name__ == "__main__":
    main(*sys.argv[1:])
