"""Every setting and limit of the server, with its unit.

Each field can be set by the environment variable ``OPSTEPS_<FIELD>``; ``docs/operators.md`` is
written from this class.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from registry.errors import InvalidNameError
from registry.versions import Version, parse_version
from server.errors import SettingsError
from server.setting_rules import refuse_unfit

ENVIRONMENT_PREFIX = "OPSTEPS_"


def _field(default: Any, doc: str) -> Any:
    return field(default=default, metadata={"doc": doc})


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The settings of one server, built by ``settings_from`` or directly; they never change."""

    host: str = _field("127.0.0.1", "Address to listen on.")
    port: int = _field(3011, "Port to listen on; 0 takes a free one.")
    workers: int = _field(1, "Processes that answer lookups, 1 to 64.")
    keeper_wait_seconds: float = _field(
        2.0,
        "How long what is not a lookup waits for the keeper before it gets a 503, seconds.",
    )
    keeper_silence_seconds: float = _field(
        20.0,
        "A process of the server is replaced after so long without a sign of life, seconds; 3 at"
        " least.",
    )
    instance: str = _field("production", "The instance whose facts decide what is enabled.")
    new_instance: bool = _field(
        False,  # noqa: FBT003 - a default
        "Serve an instance that the registry, which has others, never heard of.",
    )
    branch: str = _field(
        "",
        "The branch that is served, which must be there; none: the one that HEAD names at the first"
        " start.",
    )
    poll_seconds: float = _field(
        0.25, "Time between two looks at the registry's head, seconds; 3600 at most."
    )
    tags_check_seconds: float = _field(
        30.0, "Time between two complete looks at the release tags, seconds."
    )
    edits_check_seconds: float = _field(
        2.0, "Least time between two looks for edited files in the working tree, seconds."
    )
    settle_seconds: float = _field(
        0.5, "Quiet time after a commit before lists are compressed and a build starts, seconds."
    )
    refused_retry_seconds: float = _field(
        5.0, "Time before a commit that could not be served is tried again, seconds."
    )
    require_read_token: bool = _field(
        default=False, doc="Answer reads only to a known bearer token."
    )
    database_url: str = _field(
        "", "The database: `postgresql://…`, `sqlite:////…`; none: beside the registry."
    )
    token_memory_seconds: float = _field(
        5.0,
        "Longest time that a token is accepted after it was revoked, seconds; for lookups longer"
        " [while there is no keeper](security.md#between-the-processes-of-a-server).",
    )
    failures_allowed: int = _field(
        10, "Requests with an invalid token, from one address in `failures_seconds`."
    )
    failures_seconds: float = _field(
        60.0, "The time in which failures are counted, seconds; after too many comes 429."
    )
    security_days: float = _field(365.0, "Time that security events are kept, days.")
    idempotency_hours: float = _field(
        24.0, "Time that the answer for an `Idempotency-Key` is kept, hours."
    )
    idempotency_keys: int = _field(
        10_000, "Answers kept for the `Idempotency-Key`s of one token; then it gets a 429."
    )
    idempotency_lease_seconds: float = _field(
        120.0, "After so long a request whose server died may be done with the same key, seconds."
    )
    public_url: str = _field(
        "",
        "The address at which people find this server, for its catalogue; none: `url:` of"
        " `registry.yaml`.",
    )
    allowed_hosts: tuple[str, ...] = _field(
        (), "Host names answered besides loopback names and the address listened on; `*` is any."
    )
    allowed_origins: tuple[str, ...] = _field(
        (),
        "Origins whose pages may read answers and write, each with its scheme, such as"
        " `https://ops.example.com`.",
    )
    trusted_networks: tuple[str, ...] = _field(
        (), "Networks whose clients need no token to read or change, such as `10.1.2.0/24`."
    )
    trusted_proxies: tuple[str, ...] = _field(
        (), "Proxies whose `X-Forwarded-For` says which client of `trusted_networks` asks."
    )
    compression_min_bytes: int = _field(
        64 * 1024, "Smallest answer that is also kept compressed, bytes."
    )
    brotli_max_bytes: int = _field(
        8 * 1024 * 1024, "Largest list that is also kept as Brotli, bytes; above it only gzip."
    )
    contiguous_max_bytes: int = _field(
        2 * 1024 * 1024, "Largest list kept in one piece, bytes; above it it is sent in pieces."
    )
    list_limit: int = _field(1_000, "Largest `limit` of a list, entries.")
    search_limit: int = _field(100, "Largest `limit` of a search, hits.")
    search_offset: int = _field(10_000, "Greatest offset of a search's cursor, hits.")
    search_text_chars: int = _field(200, "Longest search text, characters.")
    search_threads: int = _field(2, "Searches that run at once.")
    search_queue: int = _field(32, "Searches that wait before the next one is refused with 503.")
    page_queue: int = _field(256, "Pages of the catalogue being read before others get a 503.")
    list_queue: int = _field(64, "Filtered lists being made before others get a 503.")
    reading_queue: int = _field(
        32, "Questions about the history, versions and documents before others get a 503."
    )
    pinned_queue: int = _field(64, "Older releases being read before others get a 503.")
    database_queue: int = _field(64, "Requests that wait for the database before others get a 503.")
    audit_commits: int = _field(
        2_000, "Commits that one question about the history walks; a cursor goes on from there."
    )
    path_bytes: int = _field(2_048, "Longest path of a request, bytes.")
    query_bytes: int = _field(4_096, "Longest query of a request, bytes.")
    body_bytes: int = _field(64 * 1024, "Largest body of a request, bytes.")
    upload_bytes: int = _field(60 * 1024 * 1024, "Largest upload with all around it, bytes.")
    upload_parts: int = _field(16, "Parts of an uploaded form.")
    upload_field_bytes: int = _field(16 * 1024, "Largest field of an uploaded form, bytes.")
    upload_header_bytes: int = _field(8 * 1024, "All headers of a part of a form, bytes.")
    uploads_bytes: int = _field(
        256 * 1024 * 1024, "Memory of all uploads under way before others get 503, bytes."
    )
    check_seconds: float = _field(
        60.0, "Longest that the check of one upload takes before it is ended, seconds."
    )
    check_bytes: int = _field(
        2 * 1024 * 1024 * 1024, "Memory of the process that checks uploads, bytes."
    )
    check_queue: int = _field(32, "Uploads checked or waiting for it before others get a 503.")
    write_threads: int = _field(
        32, "Changes that wait for their turn, or to be served, before others queue."
    )
    write_processes: int = _field(
        1, "Processes that write changes: one reads while another writes."
    )
    write_queue: int = _field(256, "Changes under way or waiting before others get a 503.")
    slow_change_seconds: float = _field(
        10.0, "Time that a change may take before `/health` is `degraded`, seconds."
    )
    change_seconds: float = _field(
        300.0,
        "Longest that one change may be being made before its process is replaced and it is 503,"
        " seconds; 0: no limit.",
    )
    served_wait_seconds: float = _field(
        2.0, "Time that the answer to a change waits until lookups have it, seconds."
    )
    events_clients: int = _field(100, "Clients that listen to events before others get a 503.")
    client_events: int = _field(
        20, "The same for one client: an IPv4 address or a /64 of IPv6, also behind a proxy."
    )
    events_replayed: int = _field(
        1_000,
        "Commits after which a client of events must read everything again.",
    )
    events_heartbeat_seconds: float = _field(
        15.0, "Longest silence of a stream of events before a comment is sent, seconds."
    )
    remote: str = _field(
        "", "A Git remote's name: changes move there first, and what others change is followed."
    )
    remote_poll_seconds: float = _field(2.0, "Time between two looks at the remote, seconds.")
    remote_tags_seconds: float = _field(
        300.0, "Time between two comparisons of all release tags with the remote's; 0 means never."
    )
    remote_seconds: float = _field(30.0, "Longest that one question to the remote takes, seconds.")
    redis_url: str = _field(
        "", "A Redis, `redis://…`: servers tell each other of changes, and need not wait to poll."
    )
    instance_key: str = _field(
        "",
        "File of the private key that attests the commits of changes; none without. Where"
        " `registry.yaml` declares instance keys, most changes are refused (409) without one of"
        " them: [which](trust.md#what-needs-an-instance-key).",
    )
    administrators: str = _field(
        "", "File of the public keys that may sign `registry.yaml`, as for `opsteps verify`."
    )
    opsconductor_version: str = _field(
        "1.0.0", "The OpsConductor that libraries run in; what needs a later one is refused."
    )
    upstream_fresh_seconds: float = _field(
        60.0, "Time that a fetched upstream is believed before it is asked again, seconds."
    )
    upstream_check_seconds: float = _field(
        900.0, "Time between two looks for updates at all upstreams, seconds; 0 means never."
    )
    upstream_seconds: float = _field(300.0, "Longest fetch of an upstream, seconds.")
    fetch_seconds: float = _field(
        900.0,
        "Longest that all fetches for one request take before their process is replaced, seconds.",
    )
    fetch_queue: int = _field(
        16, "Callers with a token that wait for upstreams before others get a 503."
    )
    plan_seconds: float = _field(
        30.0,
        "Longest that a question about upstreams takes before it is ended, seconds.",
    )
    plan_queue: int = _field(16, "Questions about upstreams before others get a 503.")
    upstream_bytes: int = _field(
        2 * 1024 * 1024 * 1024, "Most that is fetched of an upstream at once, bytes."
    )
    old_releases: int = _field(256, "Releases that are not active, kept in memory once asked for.")
    filtered_lists: int = _field(64, "Filtered lists of steps, kept in memory once asked for.")
    filtered_list_bytes: int = _field(32 * 1024 * 1024, "Memory of all kept filtered lists, bytes.")
    load_workers: int = _field(2, "Processes that load a large registry at start.")
    load_in_process: int = _field(400, "Libraries up to which one process loads them alone.")
    backpressure: int = _field(
        512,
        "Requests under way at once before others get a 503; lookups and `/health` do not count,"
        " nor does who waits for its client. 0: nothing else is answered.",
    )
    connections: int = _field(
        2_048,
        "Connections at once; for a new one the slowest goes, of the client that has the most.",
    )
    client_connections: int = _field(
        256,
        "The same for one client: an IPv4 address or a /64 of IPv6; `trusted_proxies` are exempt."
        " Workers share both: each has its part.",
    )
    head_bytes: int = _field(32 * 1024, "All headers of a request with its first line, bytes.")
    head_seconds: float = _field(
        10.0, "Longest that the headers of a request take, or a new connection's silence, seconds."
    )
    keep_alive_seconds: float = _field(
        75.0, "Time that a connection is kept open for the next request, seconds."
    )
    body_seconds: float = _field(
        30.0, "Longest that the body of a request takes, but for uploads, seconds."
    )
    upload_seconds: float = _field(3_600.0, "Longest that an upload takes to come in, seconds.")
    body_rate: int = _field(
        1_024, "Least that comes of a body in any `stall_seconds`, bytes a second."
    )
    answer_rate: int = _field(
        1_024, "Least that is taken of a waiting answer in any `stall_seconds`, bytes a second."
    )
    list_seconds: float = _field(
        60.0,
        "Time after which a long answer under way gives the state that it began with back, so that"
        " the read model does not grow; it goes on if it is still the same, else its connection"
        " ends, seconds.",
    )
    stall_seconds: float = _field(20.0, "The time in which these rates are measured, seconds.")
    unsent_bytes: int = _field(
        256 * 1024 * 1024,
        "Memory of answers that clients do not take before the slowest is ended, bytes.",
    )
    stop_seconds: float = _field(10.0, "Time that requests under way may take at a stop, seconds.")
    reload_seconds: float = _field(
        60.0, "Time that `cache/clear` waits until everything is built again, seconds."
    )
    build_niceness: int = _field(
        19, "The background build's niceness, 0 to 19; 19 takes idle time only."
    )
    build_retry_seconds: float = _field(30.0, "Wait after a background build failed, seconds.")
    site_file_bytes: int = _field(
        64 * 1024 * 1024, "Largest file of the catalogue that is sent, bytes."
    )
    maintenance_packs: int = _field(
        50, "Packs (each change writes one) that are folded once nobody is at work; 0 means never."
    )
    maintenance_seconds: float = _field(
        600.0, "Longest that one Git command of this maintenance takes, seconds; 0 means no limit."
    )
    log_level: str = _field("info", "Least important events that are logged: debug … error.")
    log_format: str = _field(
        "", "The log's format: `text` or `json`; none: text on a terminal, else JSON."
    )

    def __post_init__(self) -> None:
        """Refuse values that make no sense, naming the setting; raises SettingsError."""
        refuse_unfit({one.name: getattr(self, one.name) for one in fields(self)})


def host_of(settings: Settings) -> Version:
    """The version of OpsConductor; raises SettingsError."""
    try:
        return parse_version(settings.opsconductor_version)
    except InvalidNameError as error:
        raise SettingsError(
            f"the setting opsconductor_version: {error.message}", next_step=error.next_step
        ) from error
