"""What lies on disk: every file name, record, atomic write and retry."""
