"""What overview.json is made of: the rows with their panels, and the building blocks they use."""
