"""Model archives and code bundles: the check of their content, and their packing."""
