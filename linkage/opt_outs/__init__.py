"""Who has opted out, gathered as sets that every use reads at once."""
