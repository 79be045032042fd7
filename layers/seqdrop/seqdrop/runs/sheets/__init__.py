"""Sample sheets of Illumina (v1 and v2) and run manifests of Element AVITI."""
