"""The functions host for development and tests: the app's triggers against real storage.

It stands where the Azure Functions host stands: it listens (HTTP, clock, queues, blobs), hands
each event to Microsoft's own worker core (`azure-functions-runtime`) in the messages that core
decodes in production, and settles the event by what comes back. Queues, leases, receipts and
schedules live in the storage account alone, so a kill at any moment loses nothing and several
hosts can share one account.

What it does not reproduce:

- the process boundary: host and worker share one process and one event loop here. A function
  that blocks the loop also stops the renewal of the timer's lease and of message visibility,
  and the answers to other requests; in Azure it stops only its own worker;
- gRPC and its message size limit, worker restarts, `functionTimeout`, function retry policies;
- the scale controller, scale groups, cold starts, drain times other than the one grace period;
- making and changing keys: there are three, well known ones in `config`, as the host binds to the
  loopback interface only;
- an extension bundle, and the start that fails without one; the host's own addresses other than
  its list of functions, their start by hand, status, ping and the webhook of blobs;
- a HEAD answer without `Transfer-Encoding`: where the app gives no length it has one here;
- other triggers, output bindings other than the HTTP answer, `InputStream` blobs, route
  constraints; an app that has one is refused when it is indexed;
- dynamic concurrency, the random part of polling delays (at most one second here, up to
  `maxPollingInterval` there), the limit of 10,000 blobs a scan and the scan of storage logs;
- months and weekdays by name in schedules, time zones, daylight saving.

An event passes through the modules in this order: `__main__` serves a `host`, by the `config` that host.json
gives; `http`, `timer` (by `cron`), `queues` and `blobs` (by `patterns`) each listen for one kind of event, on
`storage`, under a `lease` where only one host may, and by the `clock`; `worker` hands it over in the messages
of `protos`; `answers` writes what comes back.
"""
