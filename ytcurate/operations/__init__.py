"""How work is asked of the cluster: step + resources + placement = spec.

``load_preset("h100")`` reads a file of ``specs/``; ``plan_jobs`` says how a table is cut and what that costs;
``build_spec`` makes the dictionary that goes with ``run_map`` and checks it, and nothing is submitted by it:
look at it, change it, pass it on. ``submit.run`` submits and follows one operation, ``archive`` decides what
code goes along.
"""
