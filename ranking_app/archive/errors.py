"""What the archive can fail with."""

from ranking_app.errors import RankingError, WrongUse


class ArchiveExtraMissing(WrongUse):
    """Parquet files were asked for without pyarrow. Operator: pip install 'ranking-app[archive]'."""


class ArchiveNotFound(WrongUse):
    """A path does not exist, or there is no archive below it. Operator: correct the path."""


class UnknownArchive(WrongUse):
    """A file's name does not say that it is an archive. Operator: name .parquet, .ndjson(.gz) or .jsonl(.gz) files."""


class ArchiveDirUnusable(RankingError):
    """The directory of an archive cannot be written. Operator: correct its rights, or free some space.

    The files that are there are whole; the next run goes on after them.
    """


class ArchiveInUse(RankingError):
    """Another `archive write` works in this directory. Operator: wait for its end, or give another directory."""

    retriable = True


class ArchiveInterrupted(RankingError):
    """The brokers stopped answering. Operator: run the command again; it goes on after what has been archived."""

    retriable = True


class ArchiveGap(RankingError):
    """The brokers have deleted records before they were archived; the message says which offsets.

    Operator: take those offsets from another archive if there is one. --accept-gaps goes on after them, and the
    archive remembers that they are missing. Run `archive write` more often than the topic's retention.
    """


class ArchiveAhead(RankingError):
    """The archive ends after the topic does: another cluster, or a topic that was made anew, counting from 0.

    Operator: check RANKING_BROKER; archive a topic that was made anew into another directory.
    """


class ArchiveOverlap(RankingError):
    """Two files have the same offsets of a partition, so a record would count twice. Operator: take one away."""


class ArchiveUnreadable(RankingError):
    """A file cannot be read, is cut off, or is no archive. Operator: take a copy of it from a backup.

    If its records are still on the topic, delete it and all later ones of its partition, and archive again.
    """


class ArchiveDiffers(ArchiveUnreadable):
    """A file can be read, but it is not what was written. Operator: as for a file that cannot be read."""


class ArchiveDamaged(RankingError):
    """`archive verify` found something wrong; the lines before say what. Operator: act on each of those lines."""


class WrongArchivedEvent(RankingError):
    """A line of an NDJSON archive is no reservation event that can be counted; nothing of the file was applied.

    Operator: correct or take out the line that the message numbers.
    """
