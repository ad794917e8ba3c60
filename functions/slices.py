"""The queue triggers: a run goes on, or its message was given up."""

import azure.functions as func

from functions.execution import execution

blueprint = func.Blueprint()


@blueprint.queue_trigger(arg_name="message", queue_name="slices", connection="DataStorage")
async def slices(message: func.QueueMessage) -> None:
    """Work on the run that the message names."""
    async with execution("slices") as services:
        from shared.domain.run import SliceMessage
        from shared.runs.slice import run_slice

        await run_slice(services, SliceMessage.model_validate_json(message.get_body()))


@blueprint.queue_trigger(arg_name="message", queue_name="slices-poison", connection="DataStorage")
async def slices_poison(message: func.QueueMessage) -> None:
    """Close the run of a message that failed at every try."""
    async with execution("slices_poison") as services:
        from shared.domain.run import SliceMessage
        from shared.runs.ending import give_up

        await give_up(services, SliceMessage.model_validate_json(message.get_body()))
