"""The vocabulary that synthetic libraries are written with."""

from __future__ import annotations

# subject, the object of its steps, category
SUBJECTS = (
    ("nginx", "site", "Web Servers"),
    ("apache", "virtual host", "Web Servers"),
    ("haproxy", "backend", "Web Servers"),
    ("postgres", "database", "Databases"),
    ("mysql", "schema", "Databases"),
    ("redis", "keyspace", "Databases"),
    ("mongo", "collection", "Databases"),
    ("kubernetes", "deployment", "Containers"),
    ("docker", "container", "Containers"),
    ("podman", "image", "Containers"),
    ("vault", "secret", "Security"),
    ("certificate", "certificate", "Security"),
    ("firewall", "rule", "Security"),
    ("audit", "report", "Security"),
    ("prometheus", "alert", "Monitoring"),
    ("grafana", "dashboard", "Monitoring"),
    ("syslog", "log stream", "Monitoring"),
    ("git", "branch", "Development"),
    ("pipeline", "job", "Development"),
    ("artifact", "package", "Development"),
    ("bucket", "object", "Storage"),
    ("volume", "snapshot", "Storage"),
    ("backup", "archive", "Storage"),
    ("file", "file", "File Operations"),
    ("directory", "folder", "File Operations"),
    ("dns", "record", "Networking"),
    ("router", "route", "Networking"),
    ("vpn", "tunnel", "Networking"),
    ("ticket", "ticket", "Notifications"),
    ("mail", "message", "Notifications"),
    ("chat", "channel", "Notifications"),
    ("user", "account", "Identity"),
)
KINDS = (
    "tools", "basics", "manager", "inspector", "toolkit", "operator", "helper", "automation",
    "maintenance", "migration", "monitor", "connector",
)  # fmt: skip
ADJECTIVES = (
    "simple", "secure", "fast", "managed", "remote", "hybrid", "shared", "regional", "legacy",
    "modern", "internal", "public", "staged", "portable", "verified", "daily",
)  # fmt: skip
# verb, what it does (a description goes on with the object)
VERBS = (
    ("create", "Create"),
    ("read", "Read"),
    ("update", "Update"),
    ("remove", "Remove"),
    ("list", "List every"),
    ("copy", "Copy"),
    ("move", "Move"),
    ("verify", "Verify"),
    ("restart", "Restart"),
    ("backup", "Back up"),
    ("restore", "Restore"),
    ("rotate", "Rotate"),
    ("scale", "Scale"),
    ("tag", "Label"),
    ("export", "Export"),
    ("import", "Import"),
    ("watch", "Wait for"),
    ("notify", "Send a message about"),
)
ENDINGS = (
    "and report what changed",
    "on one host or on a whole group",
    "without interrupting what depends on it",
    "and keep the previous state for a rollback",
    "with a check before and after",
    "within the given time, or fail and say why",
    "only when it differs from what is wanted",
    "and write a line to the audit log",
)
PARTS = (
    "The change is made only when it is needed",
    "A dry run prints the plan and touches nothing",
    "Progress is reported after each host",
    "Connections are closed when the deadline passes",
    "Names are compared without regard to case",
    "The previous version is kept for thirty days",
    "Failures list each host with its reason",
    "Credentials are read from the secret store and never logged",
    "Large results are written to the working directory",
    "A retry waits twice as long as the one before",
)
AUTHORS = (
    "Platform Team", "Infrastructure Guild", "Northwind Operations", "Ada Marsh",
    "Jörg Brandt", "Zoë Lindqvist", "Contoso Automation", "Site Reliability Group",
)  # fmt: skip
ICONS = ("📄", "🧰", "🔐", "📦", "🗄️", "🌐", "📊", "🔁")
COLORS = ("#2563eb", "#16a34a", "#dc2626", "#9333ea", "#ea580c", "#0891b2")
LICENSES = ("MIT", "Apache-2.0", "BSD-3-Clause", "MPL-2.0")
