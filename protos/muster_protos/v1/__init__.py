"""Package `muster.v1`: generated from the .proto files beside it by `make protos`."""
