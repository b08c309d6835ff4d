"""The hub. What its servers are stands in swarmgen.toml."""

import sys
from pathlib import Path

c = get_config()  # noqa: F821

c.JupyterHub.spawner_class = "swarmgen"
c.SwarmgenSpawner.config_file = "/etc/jupyterhub/swarmgen.toml"

# Servers and proxy reach the hub by this name, its alias on their network.
c.JupyterHub.hub_ip = "0.0.0.0"
c.JupyterHub.hub_connect_ip = "jupyterhub"
# Servers outlive the hub.
c.JupyterHub.cleanup_servers = False
c.JupyterHub.allow_named_servers = True
c.JupyterHub.db_url = "sqlite:////srv/jupyterhub/data/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = "/srv/jupyterhub/data/cookie_secret"

# The proxy is a service of its own: open connections outlive the hub, too.
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = "http://proxy:8001"
c.ConfigurableHTTPProxy.auth_token = Path("/run/secrets/proxy_token").read_text().strip()

# One password for everybody, to begin with. Put your institution's authenticator here.
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = Path("/run/secrets/hub_password").read_text().strip()
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {"admin"}

# A server that nobody has used for an hour is stopped.
c.JupyterHub.services = [
    {"name": "idle-culler", "command": [sys.executable, "-m", "jupyterhub_idle_culler", "--timeout=3600"]},
]
c.JupyterHub.load_roles = [
    {
        "name": "idle-culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["idle-culler"],
    },
]
