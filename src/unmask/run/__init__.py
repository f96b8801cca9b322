"""One explanation: settings, what comes before the first mask, the loop, the result."""
