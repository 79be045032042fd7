"""Lake Formation's resources for CloudFormation: declarations are checked and kept, and no query is affected by them."""
