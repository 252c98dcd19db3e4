"""The state of the local cluster: tree, transactions, locks, tables and chunks. Knows no HTTP."""
