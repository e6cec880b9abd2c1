"""Workloads that are asked for by message: what a job is, who does it, who asks for it and checks it."""
