"""The archive as data: storage classes and their prices, receipts, and where the bytes of a file are."""
