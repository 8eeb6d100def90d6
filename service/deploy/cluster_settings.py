"""What an operator of a cluster decides beside the service's own settings."""

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from service.settings import Settings

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104  # a word to compare with: nothing listens here
CLOSE_SECONDS = 10
"""What Ray needs beside SHUTDOWN_TIMEOUT: to take a replica out of its proxies, and to end it."""
MOVE_SECONDS = 50
"""What another replica needs to start, where a node that ends had one."""
PROBES = 64
"""Requests that a replica takes beyond those that it admits or lets wait, so that its refusals and probes are answered
while it is full."""


class ClusterSettings(Settings):
    """Settings of a cluster. Those of the service are the replicas'."""

    replicas: int = Field(
        1, ge=1, le=4096, description="replicas of the service, each a process that loads every model; the fewest"
    )
    max_replicas: int | None = Field(
        None, ge=1, le=4096, description="most replicas, as load demands; empty = REPLICAS, always as many"
    )
    replicas_per_node: int | None = Field(
        None,
        ge=1,
        le=100,
        description="most replicas on one node, so that the loss of one leaves others; empty = as many as it has room "
        "for",
    )
    scale_up_delay: int = Field(
        30, ge=0, le=86400, description="seconds that load must demand more replicas until there are"
    )
    scale_down_delay: int = Field(
        600, ge=0, le=86400, description="seconds that fewer replicas must be enough until there are"
    )
    replica_cpus: float = Field(
        1,
        gt=0,
        le=1024,
        description="CPUs that each replica reserves, and threads that torch computes with unless NUM_THREADS says "
        "otherwise",
    )
    replica_gpus: float = Field(
        0, ge=0, le=64, description="GPUs that each replica reserves; below 1, replicas share one"
    )
    replica_memory: int = Field(
        1024**3, ge=0, description="bytes of memory that each replica reserves, by which Ray chooses its node"
    )
    node_cpus: int | None = Field(
        None, ge=0, le=4096, description="CPUs of this node that replicas may reserve; empty = all"
    )
    node_memory: int | None = Field(
        None,
        ge=128 * 1024**2,
        description="bytes of this node's memory that replicas may reserve; empty = Ray's choice",
    )
    object_store_memory: int = Field(
        128 * 1024**2, ge=80 * 1024**2, description="bytes of this node's shared memory that Ray keeps objects in"
    )
    node_address: str | None = Field(
        None,
        description="address, or name, of this node that the other nodes reach it under; empty = that of its way to "
        "the internet",
    )
    cluster_port: int = Field(6379, ge=1, le=65535, description="port of the head that the other nodes join it at")

    @field_validator("host")
    @classmethod
    def _is_of_every_node(cls, host: str) -> str:
        if host not in {EVERY_ADDRESS, "127.0.0.1", "localhost"}:
            message = "should be 0.0.0.0, for replicas on every node listen there, or 127.0.0.1 for a cluster of one"
            raise PydanticCustomError("host", message)
        return host

    @field_validator("port")
    @classmethod
    def _is_a_port(cls, port: int) -> int:
        if port == 0:
            raise PydanticCustomError("port", "should be a port: a cluster finds no free one")
        return port

    @field_validator("max_replicas")
    @classmethod
    def _is_no_less(cls, most: int | None, info: ValidationInfo) -> int | None:
        if most is not None and most < info.data.get("replicas", most):
            raise PydanticCustomError("replicas", "should be at least REPLICAS")
        return most

    @property
    def is_of_one_machine(self) -> bool:
        """Whether this machine alone can ask the service, and so be its cluster."""
        return self.host != EVERY_ADDRESS

    @property
    def drain_seconds(self) -> int:
        """How long a node that is told to end may wait until its replicas have moved."""
        return self.shutdown_timeout + CLOSE_SECONDS + MOVE_SECONDS

    @property
    def at_once(self) -> int:
        """Requests that a replica takes at the same time. More than it admits: it is the app that refuses.

        As many as are at work and wait may take long beside them.
        """
        return 2 * (self.max_concurrent_requests + self.max_queued_requests) + PROBES

    @property
    def of_a_replica(self) -> Settings:
        """The service's settings in a replica, which is one process, and computes with what it reserves."""
        own = {name: getattr(self, name) for name in Settings.model_fields}
        threads = self.num_threads or max(1, int(self.replica_cpus))
        return Settings.model_construct(**own | {"num_threads": threads, "workers": 1})
