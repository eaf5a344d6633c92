"""All peers, in the order of the table."""

from benchmarks.peers import bytewax_peer, ceiling, kafka_streams, ours, quix, redis_peer, stock

PEERS = {
    "ours": ours.PEER,
    "streams": kafka_streams.PEER,
    "stock": stock.PEER,
    "quix": quix.PEER,
    "bytewax": bytewax_peer.PEER,
    "redis": redis_peer.PEER,
    "ceiling": ceiling.PEER,
}
