"""The model seam: pictures in, text and outcome out.

``start_describer`` (start.py) builds one of three: vllm, transformers, endpoint. For another, write one class
with the members of ``Describer`` (base.py), and let it pass ``tests/describers/test_contract.py``. An
*outcome* says how a clip ended (``base.Outcome``). Engines are imported when a describer is built, never
before.
"""
