"""The daemon: one process that holds the ledger, the guard, the data path and the control API together."""
