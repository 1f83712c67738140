"""Intercepting: for agents that ignore base URLs, a forward proxy that reads what is said to providers, and only that.

`run --intercept` gives the agent a proxy and one more certificate authority, by its environment. Connections to
providers end here, and what comes over them takes the same way as the calls of any other agent; connections to
everybody else pass unopened. Imported by parts: `authority` needs the package `cryptography`, an extra.
"""
