"""The lineage page: models, their history and drift, and the tree of every id, for people with a browser.

Rendered on the server from the same facts as the command line shows; no script, nothing from another host.
Imports nothing here: the runtime starts before anybody asks for a page.
"""
