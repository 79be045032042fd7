"""Archive: copy uploads to Deep Archive, verify the copies, and empty the landing bucket."""
