"""Runs one DAG of the template to its end in a real Airflow: ``python dag_run.py FILE DAG RUN_DATE``.

Runs in the environment ``airflow``, which has neither fsictl nor pytest.
"""

from __future__ import annotations

import importlib.util
import sys

spec = importlib.util.spec_from_file_location("fsictl_workloads", sys.argv[1])
module = importlib.util.module_from_spec(spec)
sys.modules["fsictl_workloads"] = module
spec.loader.exec_module(module)
dag = getattr(module, sys.argv[2])
assert "fsictl" not in sys.modules, "the DAG must not need fsictl"
for task in dag.tasks:
    task.retries = 0
    if task.task_id == "wait":
        task.poke_interval = 1.0
print("ended:", dag.test(run_conf={"run_date": sys.argv[3]}).state)
