"""The database: one truth for everything that must outlive the process."""
