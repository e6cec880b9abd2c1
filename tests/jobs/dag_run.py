"""Runs DAGs of the template to their ends in a real Airflow: ``python dag_run.py FILE DAG RUN_DATE ADDRESS …``.

Runs in the environment ``airflow``, which has neither fsictl nor pytest.
"""

from __future__ import annotations

import importlib.util
import os
import sys

spec = importlib.util.spec_from_file_location("fsictl_workloads", sys.argv[1])
module = importlib.util.module_from_spec(spec)
sys.modules["fsictl_workloads"] = module
spec.loader.exec_module(module)
assert "fsictl" not in sys.modules, "the DAG must not need fsictl"
runs = sys.argv[2:]
for name, run_date, address in zip(runs[::3], runs[1::3], runs[2::3], strict=True):
    os.environ["FSICTL_INVOKER_URL"] = address
    dag = getattr(module, name)
    for task in dag.tasks:
        task.retries = 0
        if task.task_id == "wait":
            task.poke_interval = 1.0
    run = dag.test(run_conf={"run_date": run_date})
    states = {one.task_id: str(one.state) for one in run.get_task_instances()}
    print("ended:", run.state, *(states.get(task, "none") for task in ("request", "wait", "check")))
