"""Turn an upload into work items for a model: examine it, select records, write the items, or reuse earlier ones."""
