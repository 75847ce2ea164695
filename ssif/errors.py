"""Errors that a user can correct, and how every command of the suite ends with such an error."""

import errno
import functools
import os
import signal
import sys


class UserError(ValueError):
    """An error in the input. The message is one line that says what is wrong and what would be right."""


def flat(text: str) -> str:
    """A text from a file or a library as one line without control characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def choose(kind: str, name: str, known) -> str:
    """Return `name` if it is one of `known`; else raise a UserError that lists the known ones."""
    if name not in known:
        raise UserError(f"unknown {kind} {name!r}; known: {', '.join(sorted(map(str, known))) or 'none'}")
    return name


def exit_cleanly(main):
    """Decorate the `main` of a command.

    A UserError, a full disk and a denied permission are one line on stderr and exit status 1. Ctrl-C and a closed output
    (`| head`) end the command without a message, with the status of a shell.
    """

    @functools.wraps(main)
    def wrapped(*args, **kwargs):
        try:
            main(*args, **kwargs)
            sys.stdout.flush()
        except BrokenPipeError:
            # At exit Python would flush once more and report the error.
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
