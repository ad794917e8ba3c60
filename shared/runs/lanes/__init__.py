"""Whose turn it is: a run works only while it holds the lane of its account, in the order of triggers.

- `lane`: the exclusive right to spend a quota, as a lease.
- `lane_queue`: the runs that wait for a lane.
- `turn`: the runs of one export go one by one.
- `wakeups`: the message that wakes a waiting run, and the time after which the sweep misses it.
"""
