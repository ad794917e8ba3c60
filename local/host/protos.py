"""Defines the messages exchanged with the worker core, which calls this module `protos`.

The core takes whatever classes it is given, as long as they have the names and fields of the
Functions RPC protocol. These hold keyword fields, read unset fields as None and know which field
of a union is set; they are never serialised.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any, ClassVar

# The protocol has fields named `bytes` and `int`, which hide the types inside the class.
Bytes = bytes
Int = int


class OneOf:
    """A message of which one field is set."""

    def WhichOneof(self, group: str) -> str | None:  # noqa: N802 - protobuf's name
        """Name the field that is set, or None; there is one group, whatever it is called."""
        for each in fields(self):  # type: ignore[arg-type]  # every subclass is a dataclass
            if getattr(self, each.name) is not None and each.name != "name":
                return each.name
        return None


@dataclass(kw_only=True)
class ModelBindingData:
    """A reference that the worker turns into an SDK client by itself."""

    version: str
    source: str
    content_type: str
    content: Bytes


@dataclass(kw_only=True)
class NullableString:
    """A string, or nothing when the message itself is None."""

    value: str


@dataclass(kw_only=True)
class NullableBool:
    """A truth value, or nothing when the message itself is None."""

    value: bool


@dataclass(kw_only=True)
class NullableDouble:
    """A number, or nothing when the message itself is None."""

    value: float


@dataclass(kw_only=True)
class Timestamp:
    """Seconds since 1970, UTC."""

    seconds: int


@dataclass(kw_only=True)
class NullableTimestamp:
    """An instant, or nothing when the message itself is None."""

    value: Timestamp


class SameSite:
    """The cookie attribute; the default leaves it out."""

    Lax = 1
    Strict = 2
    ExplicitNone = 3


setattr(SameSite, "None", 0)  # the protocol's name is a Python keyword


@dataclass(kw_only=True)
class RpcHttpCookie:
    """One cookie of an answer."""

    SameSite: ClassVar[type[SameSite]] = SameSite

    name: str
    value: str
    domain: NullableString | None = None
    path: NullableString | None = None
    expires: NullableTimestamp | None = None
    secure: NullableBool | None = None
    http_only: NullableBool | None = None
    same_site: int = 0
    max_age: NullableDouble | None = None


@dataclass(kw_only=True)
class TypedData(OneOf):
    """One value in one of the protocol's forms."""

    string: str | None = None
    json: str | None = None
    bytes: Bytes | None = None
    int: Int | None = None
    double: float | None = None
    http: "RpcHttp | None" = None
    model_binding_data: ModelBindingData | None = None


@dataclass(kw_only=True)
class RpcHttp:
    """A request or an answer."""

    method: str | None = None
    url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: TypedData = field(default_factory=TypedData)
    status_code: str | None = None
    cookies: Sequence[RpcHttpCookie] | None = None
    enable_content_negotiation: bool = False


@dataclass(kw_only=True)
class ParameterBinding(OneOf):
    """The value of one parameter of a function."""

    name: str
    data: TypedData | None = None


@dataclass(kw_only=True)
class BindingInfo:
    """One binding of a function; the numbers are those of the decorators."""

    inout: ClassVar[int] = 2
    out: ClassVar[int] = 1
    undefined: ClassVar[int] = 0

    type: str
    data_type: int | None = None
    direction: int | None = None


@dataclass(kw_only=True)
class RpcRetryOptions:
    """A function's own retry policy, which this host does not apply."""

    max_retry_count: int
    retry_strategy: str
    delay_interval: timedelta | None = None
    minimum_interval: timedelta | None = None
    maximum_interval: timedelta | None = None


@dataclass(kw_only=True)
class RpcFunctionMetadata:
    """One indexed function; `raw_bindings` are JSON texts."""

    name: str
    function_id: str
    raw_bindings: Sequence[str]
    bindings: Mapping[str, BindingInfo]
    properties: Mapping[str, str]
    directory: str
    script_file: str
    entry_point: str
    language: str
    managed_dependency_enabled: bool = False
    is_proxy: bool = False
    retry_options: RpcRetryOptions | None = None


@dataclass(kw_only=True)
class RpcException:
    """What went wrong in the worker."""

    message: str
    stack_trace: str


@dataclass(kw_only=True)
class StatusResult:
    """Whether a request to the worker succeeded."""

    Failure: ClassVar[int] = 0
    Success: ClassVar[int] = 1

    status: int
    exception: RpcException | None = None


@dataclass(kw_only=True)
class WorkerMetadata:
    """Which worker answers."""

    runtime_name: str
    runtime_version: str
    worker_version: str
    worker_bitness: str
    custom_properties: Mapping[str, str]


@dataclass(kw_only=True)
class WorkerInitRequest:
    """Load the app of a directory."""

    function_app_directory: str
    capabilities: Mapping[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class WorkerInitResponse:
    """The app is loaded, or why not."""

    capabilities: Mapping[str, str]
    worker_metadata: WorkerMetadata
    result: StatusResult


@dataclass(kw_only=True)
class FunctionMetadataResponse:
    """The functions of the app; None when the directory has no function_app.py."""

    use_default_metadata_indexing: bool
    function_metadata_results: Sequence[RpcFunctionMetadata] | None
    result: StatusResult


@dataclass(kw_only=True)
class RpcTraceContext:
    """The W3C trace of an invocation; this host starts none."""

    trace_parent: str = ""
    trace_state: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class RetryContext:
    """Which retry of the function's own policy this is: none."""

    retry_count: int = 0
    max_retry_count: int = 0
    exception: RpcException | None = None


@dataclass(kw_only=True)
class InvocationRequest:
    """Run one function once."""

    invocation_id: str
    function_id: str
    input_data: Sequence[ParameterBinding]
    trigger_metadata: Mapping[str, TypedData]
    trace_context: RpcTraceContext = field(default_factory=RpcTraceContext)
    retry_context: RetryContext = field(default_factory=RetryContext)


@dataclass(kw_only=True)
class InvocationResponse:
    """What one run of a function gave."""

    invocation_id: str
    result: StatusResult
    return_value: TypedData | None = None
    output_data: Sequence[ParameterBinding] = ()


@dataclass(kw_only=True)
class StreamingMessage:
    """The envelope of every request to the worker."""

    worker_init_request: WorkerInitRequest | None = None
    invocation_request: InvocationRequest | None = None


@dataclass(kw_only=True)
class Envelope:
    """What the core's entry points take: the message and where it comes from."""

    request: StreamingMessage
    properties: Mapping[str, Any]
