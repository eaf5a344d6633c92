"""Why a backfill is refused. Nothing is changed in any of these cases, and the live generation goes on."""

from ranking_app.errors import RankingError, WrongUse


class UnknownGeneration(WrongUse):
    """There is no generation of this name. Operator: `ranking-app backfill list` shows those there are."""


class NameUsed(WrongUse):
    """A generation of this name was dropped; a name is used once. Operator: choose another name."""


class BackfillRuns(RankingError):
    """Workers of this generation run already. Operator: look at `backfill status`; stop them."""


class PlanDiffers(WrongUse):
    """The generation was begun with other options. Operator: go on without options, or choose another name."""


class WrongArchives(RankingError):
    """An archive does not fit the topics. Operator: name the archives of these topics."""


class NoData(RankingError):
    """No record is in the range that was named. Operator: check the times; they are those of the records."""


class OffsetsGone(RankingError):
    """A part of the range is neither on the brokers nor in the archives named. Operator: name the archives that hold
    these offsets, or take what there is with --accept-gaps."""


class NotPromotable(RankingError):
    """The generation is not ready to answer. Operator: wait until `backfill status` says that it has caught up."""


class GenerationsDiffer(RankingError):
    """Live and new boards are not the same. Operator: read `backfill diff`; if the new ones are right, promote with
    --accept-differences."""


class InstancesNotReady(RankingError):
    """Some processes did not load the generation, or did not move to it, in time. Operator: the message names them;
    stop or restart those that hang, and try again."""

    retriable = True


class NothingToRollBack(RankingError):
    """There is no generation to go back to: none was promoted, or the one before was dropped. Operator: nothing."""


class GenerationInUse(RankingError):
    """The generation answers, is about to, or is counted by workers. Operator: promote or roll back first, and stop
    the workers that were started for it by name."""


class GenerationTooSmall(RankingError):
    """A generation has fewer partitions than the source topics would get. Operator: drop it first."""
