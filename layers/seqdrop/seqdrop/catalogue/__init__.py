"""What the catalogue's tables say of an upload, its predictions and its run; all of it follows from stored facts."""
