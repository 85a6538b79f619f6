"""Producing, by ourselves and on the loop: one connection to each broker that leads a partition.

records ◇     a record, a batch of them: Kafka's message format, version 2
requests ◇    the requests that producing and being let in need, and their answers
pace ◇        when the next request leaves
partitions ◇  what is on its way to a partition: each record stored once, and in order
sasl ◇        what is said to be let in, by mechanism
sasl_link ■   a connection that must be let in first, and again
link ■        one connection: requests out, answers in
opening ■     a connection, until it may be asked things
cluster ■     what must be asked first: brokers, leaders, an identity
telling ■     how a record ended
producer ■    what is sent, and what follows from the answers
"""
