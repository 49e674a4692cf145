"""A server that speaks every provider's rerank API: `rerank-core serve`, extra [server].

`server.serve` runs it; `app.create_app` gives the ASGI application to whoever runs one already.
"""
