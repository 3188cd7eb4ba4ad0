"""How a client speaks to a server: over gRPC or REST, by messages, tensors and TLS."""
