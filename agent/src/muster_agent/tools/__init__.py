"""What agents can do on their machine, one tool a file."""
