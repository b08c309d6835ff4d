c.JupyterHub.proxy_auth_token = "canary" + 1
