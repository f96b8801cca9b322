"""What several test files use: models, servers, places."""
