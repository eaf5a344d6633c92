"""What fuzzing found once, and every branch that it reached, over again (tests/fuzz, `make fuzz`)."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.decoders import check_decoders
from tests.fuzz.run import CORPUS


@pytest.mark.parametrize("path", sorted(CORPUS.iterdir()), ids=lambda path: path.name)
def test_what_fuzzing_kept_decodes_as_the_contract_says(path: Path) -> None:
    check_decoders(path.read_bytes())


@given(st.binary(max_size=200))
def test_any_bytes_decode_as_the_contract_says(data: bytes) -> None:
    check_decoders(data)
