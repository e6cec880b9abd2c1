"""Runs DAGs of the template to their ends in a real Airflow: ``python dag_run.py FILE DAG RUN_DATE ADDRESS …``.

Runs in the environment ``airflow``, which has neither fsictl nor pytest.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from types import ModuleType
from typing import Any


def template(file: str) -> ModuleType:
    """The file of DAGs as Airflow loads it."""
    spec = importlib.util.spec_from_file_location("fsictl_workloads", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fsictl_workloads"] = module
    spec.loader.exec_module(module)
    assert "fsictl" not in sys.modules, "the DAG must not need fsictl"
    return module


def run(dag: Any, run_date: str) -> None:
    """Run it once, without the pauses of its tasks, and print how it and they ended."""
    for task in dag.tasks:
        task.retries = 0
        if task.task_id == "wait":
            task.poke_interval = 1.0
    done = dag.test(run_conf={"run_date": run_date})
    states = {one.task_id: str(one.state) for one in done.get_task_instances()}
    print("ended:", done.state, *(states.get(task, "none") for task in ("request", "wait", "check")))


if __name__ == "__main__":
    dags = template(sys.argv[1])
    for name, run_date, address in zip(sys.argv[2::3], sys.argv[3::3], sys.argv[4::3], strict=True):
        os.environ["FSICTL_INVOKER_URL"] = address
        run(getattr(dags, name), run_date)
