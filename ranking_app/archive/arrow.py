"""pyarrow, loaded when the first Parquet file is met: it is an extra, and slow to import."""

from functools import cache
from typing import Any

from ranking_app.archive.errors import ArchiveExtraMissing


@cache
def arrow() -> Any:
    """The module pyarrow, with pyarrow.parquet in it. ArchiveExtraMissing."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as exc:
        raise ArchiveExtraMissing("Parquet files need the package pyarrow: pip install 'ranking-app[archive]'") from exc
    return pyarrow
