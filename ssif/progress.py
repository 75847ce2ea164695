"""A progress line with the time left: in place on a terminal, a new line every ten seconds in a log."""

import sys
import time


class Progress:
    """`update(done, note)` prints "label: done/total unit, note, rate, left h:mm:ss" on stderr from time to time."""

    def __init__(self, label: str, total: int, unit: str, done: int = 0):
        self.label, self.total, self.unit = label, total, unit
        self.first, self.start = done, time.monotonic()
        self.live = sys.stderr.isatty()
        self.printed = self.start

    def update(self, done: int, note: str = "") -> None:
        now = time.monotonic()
        if done < self.total and now - self.printed < (0.2 if self.live else 10):
            return
        self.printed = now
        rate = (done - self.first) / max(now - self.start, 1e-9)
        minutes, seconds = divmod(round((self.total - done) / rate) if rate else 0, 60)
        left = f"left {minutes // 60}:{minutes % 60:02}:{seconds:02}" if done < self.total else "done"
        parts = [f"{done}/{self.total} {self.unit}", note, f"{rate:.3g} {self.unit}/s", left]
        start, end = ("\r\033[K", "\n" if done == self.total else "") if self.live else ("", "\n")
        print(f"{start}{self.label}: {', '.join(filter(None, parts))}", end=end, file=sys.stderr, flush=True)
