-- Version 2. What is found by its expiry or its agent is not looked for in the whole table.
CREATE INDEX agent_token_name ON agent_token (name);
CREATE INDEX agent_token_expires ON agent_token (expires);
CREATE INDEX used_expires ON used (expires);
CREATE INDEX code_expires ON code (expires);
