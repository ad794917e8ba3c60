import subprocess
import sys

from functions.http import blueprint


def test_one_function_takes_every_path_and_method_without_a_key() -> None:
    app_functions = blueprint._function_builders
    [function] = [builder.build() for builder in app_functions]
    trigger = function.get_trigger()
    assert trigger is not None
    binding = trigger.get_dict_repr()
    assert binding["route"] == "{*route}"
    assert binding["authLevel"].value == "anonymous"
    assert len(binding["methods"]) >= 7


def test_loading_the_trigger_loads_no_web_framework() -> None:
    code = (
        "import sys, functions.http; sys.exit('fastapi' in sys.modules or 'httpx' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own interpreter
