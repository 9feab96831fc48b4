"""Prompts as versions: which one is active, what a new one is worth, and the gate that a worse one does not pass.

`llm_pipeline/llm/prompt_versions.py` keeps the texts; here stands what people do with them. A version is measured
beside the active one on labelled cases (`evaluation.py`: the real interrogation, through the gateway), the two are
compared (`comparison.py`, pure), and only a version shown to be no worse is activated (`activation.py`). What an
interrogation is examined with stands in one `<subject>_examination.py` each.
"""
