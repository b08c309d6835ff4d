with open("lists/users.txt") as users:
    c.Authenticator.allowed_users = set(users.read().split())
