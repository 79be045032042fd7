"""Feature Store: feature groups, their records, the online store, and the offline store as Iceberg tables."""
