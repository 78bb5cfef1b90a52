-- What the gateway is told of tools is bounded, and begins with what must not be lost: tools that are off, then changed
-- ones. Ends in the id and not in the name, which has no bound.
CREATE INDEX mcp_tools_known
  ON mcp_tools (org_id, server_id, enabled, definition_changed_at DESC NULLS LAST, tool_id);
