import university_directory

c.Authenticator.allowed_users = university_directory.users()
