"""The queue triggers: a run goes on, or its message was given up."""

import azure.functions as func

from shared.bootstrap import services
from shared.domain.run import SliceMessage
from shared.exports.break_off import fail_run
from shared.exports.run_slice import run_slice

blueprint = func.Blueprint()


@blueprint.queue_trigger(arg_name="message", queue_name="slices", connection="DataStorage")
async def slices(message: func.QueueMessage) -> None:
    """Work on the run that the message names."""
    await run_slice(await services(), SliceMessage.model_validate_json(message.get_body()))


@blueprint.queue_trigger(arg_name="message", queue_name="slices-poison", connection="DataStorage")
async def slices_poison(message: func.QueueMessage) -> None:
    """Close the run of a message that failed at every try."""
    await fail_run(await services(), SliceMessage.model_validate_json(message.get_body()))
