"""Spans: one trace for each run, from its trigger to every request to the destination.

A run keeps the trace that it began in, because its slices are executions of their own: hours apart, on
other instances, and woken by the queue, the timer or a sign-in. Each slice's span goes on in that trace
and has a link to the execution that it really ran in.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from opentelemetry import trace
from opentelemetry.trace import Link, Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.telemetry import metrics

_tracer = trace.get_tracer("segment_exports")
_w3c = TraceContextTextMapPropagator()

# Words of an API and its version are of the route. Everything else may be an id.
_OF_ROUTE = re.compile(r"[a-z_-]{0,40}|v?\d(\.\d)?")
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


def span(
    name: str, kind: SpanKind = SpanKind.INTERNAL, **attributes: str | int
) -> AbstractContextManager[Span]:
    """Put the body under a span."""
    return _span(name, attributes, kind=kind)


def begin_run(**attributes: str) -> str:
    """Open the trace of a run where its trigger is, and return what the run keeps of it ("" for none)."""
    carrier: dict[str, str] = {}
    with _span("run", attributes):
        _w3c.inject(carrier)
    return carrier.get("traceparent", "")


def slice_of_run(kept: str, **attributes: str | int) -> AbstractContextManager[Span]:
    """Put the body under the span of a slice, in the trace that `begin_run` opened."""
    here = trace.get_current_span().get_span_context()
    return _span(
        "slice",
        attributes,
        context=_w3c.extract({"traceparent": kept}) if kept else None,
        links=[Link(here)] if here.is_valid else [],
    )


@dataclass(slots=True)
class Call:
    """A request to a destination; `verdict` is what its answer meant."""

    span: Span
    verdict: str = "answered"

    def answered(self, status: int) -> None:
        """Note the status of the answer."""
        self.span.set_attribute("http.response.status_code", status)


@contextmanager
def call(destination: str, method: str, url: httpx.URL) -> Iterator[Call]:
    """Put the body, which makes a request and understands its answer, under a span, and count it.

    An error that it raises is the verdict. Of the address there is the host, and the path without what
    may be an id: never a query.
    """
    route = "/".join(each if _OF_ROUTE.fullmatch(each) else "{id}" for each in url.path.split("/"))
    attributes: dict[str, str | int] = {
        "destination": destination,
        "http.request.method": method,
        "server.address": url.host,
        "server.port": url.port or 443,
        "url.full": f"{url.scheme}://{url.host}{route}",  # Application Insights shows no other address
    }
    with _span(f"{method} {route}", attributes, kind=SpanKind.CLIENT) as opened:
        made = Call(opened)
        try:
            yield made
        except Exception as error:
            made.verdict = _CAPITAL.sub("_", _name_of(error)).lower()
            raise
        finally:
            opened.set_attribute("verdict", made.verdict)
            metrics.request(destination, made.verdict)


@contextmanager
def _span(name: str, attributes: Mapping[str, str | int], **options: Any) -> Iterator[Span]:
    """Open a span. Of an error it keeps the type only: its text is not for telemetry."""
    with _tracer.start_as_current_span(
        name,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
        **options,
    ) as opened:
        try:
            yield opened
        except Exception as error:
            opened.set_status(StatusCode.ERROR)
            opened.set_attribute("error.type", _name_of(error))
            raise


def _name_of(error: Exception) -> str:
    """Return the name of an error in telemetry; one that was renamed keeps its first as `known_as`."""
    return str(getattr(error, "known_as", type(error).__qualname__))
