"""Interrogations that are asked from the queue: one folder each, `interrogations/<key>/`, found by the registry.

A folder holds the contract, the evidence builder and the grounding; its `__init__.py` has `INTERROGATION`, a
`QueuedInterrogation`. The template is `prompts/<key>.txt`, the rules of the offline model are
`offline_model/answers/<key>.py`. Nothing else has to be changed to add one.
"""
