"""A server that can be killed: answers trials one after the other, and says so.

``python -m tests.study.answering URL`` opens the store, lets go of its connections, and reads one
line of JSON from its input for each child to fork. A child writes "sent KEY" before an answer and
"saved KEY" when it is acknowledged. A line "over" follows when the child has ended or was killed.
"""

import json
import os
import sys

from tests.study.small import TIMES
from xai_core.study import TakingPart, Ticket, open_store


def say(line):
    """One write, so that a line is there wholly or not at all."""
    os.write(1, f"{line}\n".encode())


def choice(key):
    """Which answer belongs to a key; the test knows it too."""
    return "AB"[sum(key.encode()) % 2]


def answer_all(part, slug, people, unacknowledged):
    """Answer the trials of participants, first what a killed child before may have lost."""
    if unacknowledged is not None:
        me, trial, key = unacknowledged
        part.answer(Ticket(slug, me=me), trial, choice(key), key, TIMES)
        say(f"saved {key}")
    for me in people:
        ticket = Ticket(slug, me=me)
        screen = part.look(ticket)
        while screen.kind == "trial":
            key = f"{me}:{screen.trial.id}"
            say(f"sent {key}")
            screen = part.answer(ticket, screen.trial.id, choice(key), key, TIMES)
            say(f"saved {key}")


def main(url):
    """Fork a child for every line of the input."""
    store = open_store(url)
    part = TakingPart(store)
    for line in sys.stdin:
        store.close_all()
        child = os.fork()
        if not child:
            answer_all(part, **json.loads(line))
            os._exit(0)
        say(f"child {child}")
        os.waitpid(child, 0)
        say("over")


if __name__ == "__main__":
    main(sys.argv[1])
