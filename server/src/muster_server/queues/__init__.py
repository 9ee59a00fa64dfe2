"""The queue server: embedded or RabbitMQ, as the settings say."""
