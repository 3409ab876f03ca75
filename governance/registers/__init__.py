"""The registers that govern: legal bases, agreements, opt-out policies, training."""
