"""What a study can detect, worked out before anything trains, and preregistered when it starts."""
