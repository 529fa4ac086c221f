"""How texts become vectors fast: cut ahead, batched by tokens, computed without padding.

`kb.encoder` puts it together; nothing here knows of models' names or of the store.
"""
