"""What the agent must not forget when it dies: messages in hand, answers not yet confirmed, side effects, commands."""
