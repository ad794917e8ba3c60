"""What the app reports, kept in memory instead of sent: OpenTelemetry's own SDK with its own exporters."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

from shared.telemetry import logs


class Spans(SpanProcessor):
    """Keeps the spans that end while somebody wants them: the other tests make many, too."""

    def __init__(self) -> None:
        self.wanted = False
        self.ended: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        """Keep a span."""
        if self.wanted:
            self.ended.append(span)


@dataclass
class Recorder:
    """The providers, which a process can set only once, and what they were told lately."""

    spans: Spans = field(default_factory=Spans)
    metrics: InMemoryMetricReader = field(
        default_factory=lambda: InMemoryMetricReader(
            dict.fromkeys((Counter, Histogram), AggregationTemporality.DELTA)
        )
    )
    logs: InMemoryLogRecordExporter = field(default_factory=InMemoryLogRecordExporter)

    def __post_init__(self) -> None:
        tracers = TracerProvider()
        tracers.add_span_processor(self.spans)
        trace.set_tracer_provider(tracers)
        metrics.set_meter_provider(MeterProvider([self.metrics]))

    @contextmanager
    def recording(self) -> Iterator["Recorder"]:
        """Keep what is reported within the body, and forget what was before."""
        factory, shared = logging.getLogRecordFactory(), logging.getLogger("shared").level
        loggers = LoggerProvider()
        loggers.add_log_record_processor(SimpleLogRecordProcessor(self.logs))
        handler = LoggingHandler(logger_provider=loggers)
        logging.getLogger().addHandler(handler)
        logs.configure()
        self.logs.clear()
        self.metrics.get_metrics_data()
        self.spans.ended.clear()
        self.spans.wanted = True
        try:
            yield self
        finally:
            self.spans.wanted = False
            logging.getLogger().removeHandler(handler)
            logging.setLogRecordFactory(factory)
            logging.getLogger("shared").setLevel(shared)

    def points(self) -> dict[str, list[tuple[dict[str, Any], float]]]:
        """Take what metrics have been told since the last time: attributes and value, by name."""
        data = self.metrics.get_metrics_data()
        return {
            metric.name: [_read(point) for point in metric.data.data_points]
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def lines(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Return the log lines with their attributes."""
        records = [each.log_record for each in self.logs.get_finished_logs()]
        return [(str(each.body), {**(each.attributes or {})}) for each in records]

    def texts(self) -> Iterator[tuple[str, str]]:
        """Take all that was reported, as texts, each with what it is of."""
        for span in self.spans.ended:
            yield f"span {span.name}", span.to_json()
        for name, points in self.points().items():
            yield from ((f"metric {name}", str(point)) for point in points)
        for body, attributes in self.lines():
            yield "log", f"{body} {attributes}"


def _read(point: Any) -> tuple[dict[str, Any], float]:
    """Return the attributes and the value of a point: of a histogram, the sum."""
    return dict(point.attributes), point.sum if hasattr(point, "sum") else point.value


@cache
def the_recorder() -> Recorder:
    """Return the one of this process."""
    return Recorder()
