"""Review by people: what waits for a decision, what a decision means, and what it releases."""
