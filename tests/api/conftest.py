from pathlib import Path

import pytest

from local.identity import SigningKey
from tests.api.office import Office


@pytest.fixture(scope="session")
def signing_key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return SigningKey(tmp_path_factory.mktemp("issuer"))


@pytest.fixture(scope="session")
def other_key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return SigningKey(Path(tmp_path_factory.mktemp("forger")))


@pytest.fixture
def office(signing_key: SigningKey) -> Office:
    return Office(signing_key)
