"""Runs a command and says how long it took and what memory it had at most: measure.py WHAT COMMAND…"""

import resource
import subprocess
import sys
import time

started = time.monotonic()
code = subprocess.call(sys.argv[2:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
print(f"{sys.argv[1]}: {time.monotonic() - started:.2f} s, {memory} MiB at most")
sys.exit(code)
