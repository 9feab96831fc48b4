"""What a model proposes to change after looking at outcomes, checked by code; nothing here changes anything by itself.

A proposal is stored `pending`. When a person approves it, it can become a candidate version of a prompt, and that has
to pass the regression gate before it can be activated.
"""
