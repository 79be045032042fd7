"""Bundle: pack the small files of a complete run into tars in the archive, with a receipt for each file."""
