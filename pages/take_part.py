"""Take part in a study: the one page that participants see.

The address says who comes and to which study:

    /take-part?study=SLUG               a shared link
    …&invite=TOKEN                      a personal link
    …&PROLIFIC_PID=…&STUDY_ID=…&SESSION_ID=…
                                        from Prolific
    …&me=TOKEN                          resumes; the page writes it after consent on a shared link
    …&preview=1                         as a participant would see it, for researchers

Programs that take part drive the page by these keys, which stay as they are:

    consent        buttons ``agree`` and ``decline``
    background     one input for each question, ``background:ID`` (ID as in the design: a radio for
                   yes_no and for few choices, a selectbox for many, a number or a text input), in
                   the form ``background``; its button is ``background_submit``
    instructions   button ``begin``
    trials         component ``trial``. Its data (JSON):
                     trial        id of the trial
                     number, total, practice, instruction, question
                     original     address of the original picture
                     options      list of [letter, address]
                     escapes      list of [choice, title]: the answers beside the heatmaps
                     next         addresses of the following trial's pictures
                     saved        key of the last answer that is in the database, or null
                     problem      null, or {"key", "attempt", "text", "final"}: that answer is not
                                  saved; if final, sending it again does not help
                     notice       "" or a sentence
                   Its state ``answer`` is what the browser sends:
                     trial, choice (a letter, "cannot_distinguish" or "same"), key (made once for
                     each shown trial), attempt (1, 2, …: the same answer sent again), shown_at and
                     answered_at (ms since 1970), duration_ms, focus_losses, hidden_ms
    database away  button ``retry``; the component ``away`` presses it by itself (trigger ``again``)
    withdrawal     button ``withdraw`` at the foot of each screen, then ``withdraw_confirm`` or
                   ``withdraw_cancel``; who has only the code types it into ``withdraw_code``
"""

from __future__ import annotations

from pages.components.study.taking_part import page

page.show()
