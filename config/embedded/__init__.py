"""PostgreSQL and Valkey of the product's own, for machines that have neither."""
