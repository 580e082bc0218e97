// How long a trial was looked at, and how often and how long it was not.

export function startClock() {
  return {
    shownAt: Date.now(),
    since: performance.now(),
    losses: 0,
    hidden: 0,
    hiddenSince: document.hidden ? performance.now() : null,
    away: document.hidden || !document.hasFocus(),
  };
}

// One leaving is one loss, whether the browser reports it by blur, by hiding or by both.
export function followFocus(clockNow) {
  const leave = () => {
    const clock = clockNow();
    if (!clock || clock.away) return;
    clock.away = true;
    clock.losses += 1;
  };
  const back = () => {
    const clock = clockNow();
    if (clock) clock.away = false;
  };
  window.addEventListener("blur", leave);
  window.addEventListener("focus", back);
  document.addEventListener("visibilitychange", () => {
    const clock = clockNow();
    if (!clock) return;
    if (document.hidden) {
      leave();
      clock.hiddenSince ??= performance.now();
    } else {
      if (clock.hiddenSince !== null) clock.hidden += performance.now() - clock.hiddenSince;
      clock.hiddenSince = null;
      if (document.hasFocus()) back();
    }
  });
}

export function readClock(clock) {
  return {
    shown_at: clock.shownAt,
    answered_at: Date.now(),
    duration_ms: Math.round(performance.now() - clock.since),
    focus_losses: clock.losses,
    hidden_ms: Math.round(clock.hidden),
  };
}
