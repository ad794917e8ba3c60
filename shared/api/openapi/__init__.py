"""The OpenAPI document, made when somebody asks for it.

`declared` (what routes say of themselves), `examples`, `document`.
"""
