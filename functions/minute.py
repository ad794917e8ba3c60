"""The timer trigger: every minute, in UTC."""

import azure.functions as func

from functions.execution import execution

blueprint = func.Blueprint()


@blueprint.timer_trigger(arg_name="timer", schedule="0 * * * * *")
async def refresh(timer: func.TimerRequest) -> None:
    """Start what is due, and find what was lost."""
    async with execution("refresh") as services:
        from shared.triggers.every_minute import tick

        await tick(services)
