"""An agent for pictures: it looks at its machine with a tool, then explains what it saw, with a table and code."""

import asyncio
import re

from muster_agent import Agent

agent = Agent(
    "scribe",
    about="looks at machines and writes down what it sees",
    skills=["shell", "write"],
    slots=4,
    tools=["shell"],
)

TEXT = """The root file system has room. What grows is where programs keep their working files:

| folder | holds | safe to empty |
| --- | --- | --- |
| `/tmp` | files of running programs | after a restart |
| `/var/cache` | downloaded packages | at any time |
| `/var/log` | what services wrote | once it was read |

To be told before a disk is full, run this every hour:

```python
import shutil


def room_left(path: str = "/", least: float = 0.1) -> bool:
    \"\"\"Whether a tenth of the disk is still free.\"\"\"
    total, _used, free = shutil.disk_usage(path)
    return free / total > least


if not room_left():
    raise SystemExit("less than 10 % free on /")
```

Its exit code is **1** when somebody should look.
"""


@agent.on_message
async def write(message, reply):
    await reply.use("shell", command="df -h --output=target,size,used,avail,pcent / /tmp")
    for word in re.findall(r"\S+\s*", TEXT):
        await reply.say(word)
        await asyncio.sleep(0.02)


agent.run()
