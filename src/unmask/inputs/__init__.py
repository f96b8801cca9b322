"""What the user gives, brought into the model's space and back: one file a modality."""
