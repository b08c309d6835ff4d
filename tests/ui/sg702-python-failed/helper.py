def image(name):
    raise ValueError("no image is called " + name)
