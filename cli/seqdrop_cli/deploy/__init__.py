"""Model archives and code bundles: checked, packed and ready to upload."""
