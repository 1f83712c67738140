"""Reads what agents write down themselves into the ledger.

`finding` looks for files, `surveying` for those that have changed, `reading` visits these (`lines`, `databases`),
`entries` makes rows of what they show, and `importer` has them written. Reading happens in a thread, or in a process of
its own where there is much.
"""
