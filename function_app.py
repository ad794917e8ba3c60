"""What the Functions host loads: one app made of the triggers in `functions/`."""

import azure.functions as func

from functions import arrivals, http, minute, slices
from shared.telemetry import logs

logs.configure()

app = func.FunctionApp()
for module in (arrivals, http, minute, slices):
    app.register_functions(module.blueprint)
