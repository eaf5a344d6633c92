"""A Faust schema that hands the list of records on as it is: decoding is ours, in bulk (schemas.decode)."""

from typing import Any

import faust


class RecordsSchema(faust.Schema[Any, Any]):
    """Replaces `Schema.compile` of faust-streaming 0.15.3: no key, and the batch itself as the value."""

    def compile(self, app: Any, **_: Any) -> Any:
        """A function that makes the event of a message."""

        async def decode(message: Any, *, propagate: bool = False) -> Any:
            return app.create_event(None, message.value, message.headers, message)

        return decode
