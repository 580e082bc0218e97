"""The studies' database: tables, transactions, what researchers keep, backups, withdrawal."""
