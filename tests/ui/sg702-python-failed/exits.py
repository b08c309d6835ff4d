import sys

if not hasattr(sys, "hub"):
    print("not under the hub")
    sys.exit("start me with the hub")
