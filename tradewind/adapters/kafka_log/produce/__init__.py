"""Producing, by ourselves and on the loop: one connection to each broker that leads a partition.

records ◇     a record, a batch of them: Kafka's message format, version 2
requests ◇    the four requests that producing needs, and their answers
pace ◇        when the next request leaves
partitions ◇  what is on its way to a partition: each record stored once, and in order
link ■        one connection: requests out, answers in
cluster ■     what must be asked first: brokers, leaders, an identity
telling ■     how a record ended
producer ■    what is sent, and what follows from the answers
"""
