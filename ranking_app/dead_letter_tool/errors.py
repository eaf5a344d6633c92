"""What `ranking-app dead-letters` can fail with."""

from ranking_app.errors import RankingError, WrongUse


class WrongPosition(WrongUse):
    """A position or a topic cannot be read, or may mean several letters. Operator: copy it from `list`."""


class WrongChoice(WrongUse):
    """The options do not say what to do. Operator: read the message; `--help` names them all."""


class NoSuchLetter(RankingError):
    """No dead letter stands at a position. Operator: copy it from `list`; letters go after 30 days."""


class WrongMendedValue(RankingError):
    """A line of --value-file would be a bad record again, or there are more or fewer lines than letters.

    Nothing was sent. Operator: correct the line that the message numbers.
    """


class LetterWasCut(RankingError):
    """The dead-letter topic took only the beginning of this record, which cannot be sent as it is.

    Operator: take the whole value from the source topic (`show` says where it stands) and give it in --value-file.
    """


class NoOrigin(RankingError):
    """A record on a dead-letter topic has not the headers of a dead letter: somebody else wrote it.

    Operator: send what it should have been with `ranking-app produce`.
    """


class ReplayInterrupted(RankingError):
    """A replay ended before its end: brokers, or another replay of the same topic that was started after it.

    What it says to be sent is sent and remembered. Operator: run the same command again; nothing is sent twice.
    """

    retriable = True
