"""On the path of the servers that browser tests start: at SIGUSR1 each says on stderr what its threads are doing."""

import faulthandler
import signal

faulthandler.register(signal.SIGUSR1)
