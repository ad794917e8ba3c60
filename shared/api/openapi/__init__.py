"""The OpenAPI document, made when somebody asks for it.

Routes say of themselves what is `declared`; `document` adds that and `examples` to what FastAPI writes.
"""
