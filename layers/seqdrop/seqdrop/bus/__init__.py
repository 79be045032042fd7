"""What the stack tells other systems: types of events, their details, and webhooks (docs/events.md)."""
