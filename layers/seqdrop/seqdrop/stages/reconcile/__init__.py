"""Reconcile: find work whose event was lost, and send its message again."""
