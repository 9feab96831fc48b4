"""The queue of interrogations: enqueue, claim, ask, ground, store; nothing lost, nothing done twice.

Belongs here: everything that is the same for every queued interrogation. What is particular to one stands in its folder
`llm_pipeline/interrogations/<key>/`.
"""
