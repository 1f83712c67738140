"""`tokenguard mcp`: lets an agent see what it spends, and ask a person for more, by the Model Context Protocol."""
