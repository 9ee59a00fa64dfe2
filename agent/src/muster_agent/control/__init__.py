"""The agent's side of the control plane: joining, credentials, heartbeats."""
