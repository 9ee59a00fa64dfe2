"""The bus over RabbitMQ 3.10 to 4.x, by pika's asyncio connection.

bus.py         AmqpBus: the contract; owns two supervised links, one to publish and one for all the rest
supervisor.py  keeps one link up: back-off, jitter, who is told
link.py        a pika connection with futures, and a short cut for the frames of the hot path
channel.py     a pika channel with futures                       lost.py         why either of them ended
publisher.py   confirms, returns, the window, the deadline       unconfirmed.py  what is under way, as a plain table
consumer.py    one subscription: hands out, acknowledges         acks.py         which acks to send, as plain decisions
keeper.py      consumes again after every loss                   deliveries.py   frames -> deliveries
admin.py       declare, delete, count                            arguments.py    topology.Queue -> RabbitMQ's words
codec.py       Message <-> frames                                wire.py         the few AMQP types that it needs
url.py         amqp:// and amqps:// addresses, masked when shown
"""
