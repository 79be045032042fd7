"""What AWS bills for files: list prices, the work that files cause, and the lines of the bill."""
