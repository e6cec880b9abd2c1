"""What the target stands on: Terraform driven from Python, what it makes, and what that costs."""
