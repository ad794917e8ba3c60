"""One execution of an export, from its trigger to its end.

A run passes through these, in this order:

- `start`: a trigger makes it and enqueues its first slice. `index` lists it among all runs by age.
- `slice`: each message of the queue is a slice, which waits for the run's lane (`lanes`).
- `worker`: what the slice does on the run: prepare (`prepare`), send (`send`) and settle.
- `parking`: what comes next once the slice stops: the run ends, or waits and goes on.
- `ending`: every way in which a run comes to be over.

Beside them: `state` is what a run keeps while it goes on; `cancel` and `preview` are asked for by people;
`history`, `timeline` and `freshness` tell what runs have done.
"""
