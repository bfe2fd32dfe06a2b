"""Files that hold secrets by their name: what is published once cannot be taken back."""

from __future__ import annotations

_NAMES = frozenset(
    {
        ".docker", ".dockercfg", ".env", ".envrc", ".git-credentials", ".htpasswd", ".my.cnf",
        ".netrc", ".npmrc", ".pgpass", ".pypirc", ".s3cfg", ".terraformrc", ".vault-token",
        ".vault_pass", ".yarnrc.yml", "_netrc", "application_default_credentials.json",
        "client_secret.json", "credentials.json", "id_dsa", "id_ecdsa", "id_ecdsa_sk",
        "id_ed25519", "id_ed25519_sk", "id_rsa", "secrets.json", "secrets.toml", "secrets.yaml",
        "secrets.yml", "service-account.json", "service_account.json", "terraform.tfstate",
    }
)  # fmt: skip
_FOLDERS = frozenset({".aws", ".azure", ".gnupg", ".kube", ".ssh"})
_SUFFIXES = (".jks", ".kdbx", ".key", ".keystore", ".p12", ".pem", ".pfx", ".ppk", ".tfstate")
_ENVIRONMENT = ".env."
# What shows people which variables there are, without their values.
_EXAMPLES = frozenset({"dist", "example", "sample", "template"})


def is_secret_name(part: str) -> bool:
    """True if a file or folder of this name holds secrets, as far as a name can say."""
    lower = part.lower()
    if lower in _NAMES or lower in _FOLDERS or lower.endswith(_SUFFIXES):
        return True
    return lower.startswith(_ENVIRONMENT) and lower.rpartition(".")[2] not in _EXAMPLES
