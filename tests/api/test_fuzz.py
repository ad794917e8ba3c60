"""Whatever the OpenAPI document allows or forbids, the API answers as the document says.

No 5xx that the document does not tell of, no answer outside its schema, no body accepted that the
schema forbids. `make fuzz` does the same with more examples, which are other ones each time.
"""

from typing import Any

import pytest
from schemathesis import Case

from local.identity import SigningKey
from tests.api.furnished import Furnished
from tests.api.fuzzing import bearer, complete, effort, furnish, schema, the_office

pytestmark = pytest.mark.fuzz


@pytest.fixture(scope="module")
def furnished(signing_key: SigningKey) -> Furnished:
    return furnish(signing_key)


@schema().parametrize()
@effort(15)
def test_an_operation_keeps_to_the_document(furnished: Furnished, case: Case[Any]) -> None:
    with furnished.undone():
        complete(case)
        case.call_and_validate()


class Sequences(schema().as_state_machine()):  # type: ignore[misc] # made at run time
    """Operations one after another, which follow the document's links to what the one before made."""

    def setup(self) -> None:
        self._undone = the_office().undone()
        self._undone.__enter__()

    def before_call(self, case: Case[Any]) -> None:
        # Whoever made something can see it; what others see is the matter of other tests.
        case.headers["Authorization"] = bearer("administrator")

    def teardown(self) -> None:
        self._undone.__exit__(None, None, None)


@pytest.mark.usefixtures("furnished")
def test_operations_that_follow_each_other_keep_to_the_document() -> None:
    Sequences.run(settings=effort(60))
