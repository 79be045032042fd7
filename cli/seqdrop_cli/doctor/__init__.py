"""What `seqdrop doctor` checks about a deployed stack, a module for each subject."""
