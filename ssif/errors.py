"""Errors that a user can mend, and how every command line of the suite ends on one."""

import errno
import functools
import os
import signal
import sys


class UserError(ValueError):
    """Bad input: the message is one line that says what is wrong and what would be right."""


def flat(text: str) -> str:
    """A text of somebody else's as one line that does nothing to a terminal."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def choose(kind: str, name: str, known) -> str:
    """Return `name` if it is one of `known`; else raise a UserError that lists the known ones."""
    if name not in known:
        raise UserError(f"unknown {kind} {name!r}; known: {', '.join(sorted(map(str, known)))}")
    return name


def exit_cleanly(main):
    """Decorate a command's `main`: a UserError, a full disk or a denied permission is one line on stderr and exit status 1; on
    Ctrl-C, and where nobody reads its output any more (`| head`), it stops in silence, with a shell's status for that."""

    @functools.wraps(main)
    def wrapped(*args, **kwargs):
        try:
            main(*args, **kwargs)
            sys.stdout.flush()
        except BrokenPipeError:
            # Python would try once more at its end, and complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(128 + signal.SIGPIPE)
        except KeyboardInterrupt:
            sys.exit(128 + signal.SIGINT)
        except UserError as error:
            sys.exit(f"error: {error}")
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
                sys.exit(f"error: {error.filename}: {os.strerror(error.errno)}")
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            sys.exit(f"error: the disk is full ({os.strerror(error.errno)}); finished files are whole")

    return wrapped
