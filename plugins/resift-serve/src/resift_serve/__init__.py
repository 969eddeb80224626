"""`resift serve`: any configured reranker for every client that speaks rerank.

`resift_serve.app.application` is the ASGI application, `resift_serve.service.Service`
what it serves. The package imports nothing before one of them is used.
"""
