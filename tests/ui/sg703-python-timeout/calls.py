import subprocess


def users():
    return subprocess.check_output(["sleep", "60"]).split()


c.Authenticator.allowed_users = set(users())
