"""Batches go to the destination, and what it says of them is recorded.

- `dispatcher`: several batches at once, then the jobs that the destination has begun for them.
- `batch_sender`: one batch, in as many requests as that takes.
- `lost_jobs`: looks for jobs whose answer was lost, before their profiles are sent again.
- `poller`: asks how far jobs are. `background_poll`: asks beside sending.
- `import_callbacks`: what destinations post to us about jobs.
- `recorder`: moves the checkpoint over what was answered.
- `settle`: keeps what was delivered, for the next run to compare with.
"""
