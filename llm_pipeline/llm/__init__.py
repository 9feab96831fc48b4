"""The gateway to a model server: prompts, calls, retries, batches, cache, audit rows and artifacts.

Every call of a model in this project goes through here; nothing here knows what is being asked.
"""
