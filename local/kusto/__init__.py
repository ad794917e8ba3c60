"""Reads queries of Log Analytics with Microsoft's own parser, against the columns of its tables."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from local.node import node

_FOLDER = Path(__file__).parent

# Source: learn.microsoft.com/azure/azure-monitor/reference/tables, one page for each table
_EVERYWHERE = """
AppRoleInstance AppRoleName AppVersion ClientBrowser ClientCity ClientCountryOrRegion ClientIP ClientModel
ClientOS ClientStateOrProvince ClientType IKey OperationId OperationName ParentId Properties:dynamic
ResourceGUID SDKVersion SessionId SourceSystem SyntheticSource TenantId TimeGenerated:datetime Type
UserAccountId UserAuthenticatedId UserId _BilledSize:real _IsBillable _ResourceId _SubscriptionId
"""
_OTHERS = {  # what Azure writes of the workspace itself
    "_LogOperation": "Category CorrelationId Detail HelpLink Level Operation ResourceId TenantId "
    "TimeGenerated:datetime Type _IsBillable _ResourceId _SubscriptionId",
}
_OWN = {
    "AppTraces": "ItemCount:int Measurements:dynamic Message ReferencedItemId ReferencedType "
    "SeverityLevel:int",
    "AppMetrics": "ItemCount:int Max:real Min:real Name Sum:real",
    "AppRequests": "DurationMs:real Id ItemCount:int Measurements:dynamic Name PerformanceBucket "
    "ResultCode Source Success:bool Url",
    "AppExceptions": "Assembly Details:dynamic ExceptionType HandledAt InnermostMessage ItemCount:int "
    "Measurements:dynamic Message Method OuterMessage ProblemId SeverityLevel:int",
    "AppDependencies": "Data DependencyType DurationMs:real Id ItemCount:int Name ResultCode "
    "Success:bool Target",
}


def faults(queries: Mapping[str, str]) -> list[str]:
    """Return what is wrong with queries, one line each that begins with the query's name."""
    columns = {name: f"{_EVERYWHERE} {own}" for name, own in _OWN.items()} | _OTHERS
    tables = {name: ", ".join(map(_typed, listed.split())) for name, listed in columns.items()}
    done = subprocess.run(  # noqa: S603 - the parser that is pinned here
        [node(), str(_FOLDER / "check.cjs")],
        input=json.dumps({"tables": tables, "queries": dict(queries)}),
        capture_output=True,
        text=True,
        check=True,
    )
    return [
        f"{each['query']}: {each['code']} {each['message']}" for each in json.loads(done.stdout)
    ]


def _typed(column: str) -> str:
    return column if ":" in column else f"{column}:string"
