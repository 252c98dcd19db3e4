"""How work is asked of the cluster: step + resources + placement = spec.

``load_preset("h100")`` reads a file of ``specs/``; ``build_spec`` makes the dictionary that goes with
``run_map``, and nothing is submitted by it: look at it, change it, pass it on. ``submit.run`` submits and
follows one operation.
"""
