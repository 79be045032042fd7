"""Stage inventory: compare each inventory of the archive bucket with the ledger and the receipts."""
