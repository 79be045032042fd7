"""The `seqdrop` command line. Its commands use a stack deployed in AWS or in the embedded AWS, or work locally."""
