"""Model archives and code of jobs: pointers, registry, calibration, promotion, and the writer of archives."""
