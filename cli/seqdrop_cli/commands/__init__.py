"""One module per command of `seqdrop`, imported only when the command is called."""
