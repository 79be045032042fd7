"""Lake Formation's resources for CloudFormation: declarations are checked and kept; no query depends on them."""
